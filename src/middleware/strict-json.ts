import { createMiddleware } from "hono/factory";
import { AppError } from "../domain/errors.ts";
import type { AppEnv } from "./app-env.ts";

const JSON_TYPE = /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i;
const WITH_BODY = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/**
 * Lets only well-formed UTF-8 JSON objects through to the validators; an absent body counts as `{}`.
 * Hono's own parser takes invalid UTF-8 silently and answers 415 to a wrong content type, where the contract says 400.
 */
export const strictJson = createMiddleware<AppEnv>(async (c, next) => {
  if (!WITH_BODY.has(c.req.method)) return next();
  const bytes = await c.req.arrayBuffer();
  if (bytes.byteLength === 0) {
    // What the validators parse, also when a client names a type for the body it does not send.
    Object.assign(c.req.bodyCache, { text: Promise.resolve("{}") });
    return next();
  }
  if (!JSON_TYPE.test(c.req.header("content-type") ?? "")) {
    throw new AppError("invalid_request", "Send JSON: the content type must be application/json.");
  }
  requireJson(bytes);
  return next();
});

function requireJson(bytes: ArrayBuffer): void {
  try {
    // Walking every member also refuses what is nested too deep to walk.
    JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes), requireStorable);
  } catch {
    throw new AppError("invalid_request", "The body is not valid JSON in UTF-8, or holds a NUL or half a character.");
  }
}

/** Postgres can hold neither NUL nor half a character. */
function requireStorable(name: string, value: unknown): unknown {
  for (const text of [name, value]) {
    if (typeof text === "string" && (text.includes("\0") || !text.isWellFormed())) throw new RangeError("not storable");
  }
  return value;
}
