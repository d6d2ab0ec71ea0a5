import { z } from "zod";
import { readId } from "./domain/ids.ts";
import { DEFAULT_LIMITS, type Limit, type LimitName } from "./domain/limits.ts";
import { createSecret } from "./domain/secret.ts";

/** An absolute http(s) URL, without its trailing slash. */
export const url = z
  .url({ protocol: /^https?$/ })
  .refine((value) => new URL(value).username === "" && new URL(value).password === "", "must not hold a password")
  .transform((value) => value.replace(/\/+$/, ""));

/** Comma-separated origins, e.g. `https://app.example,https://admin.example`. */
export const urlList = z
  .string()
  .transform((text) => text.split(",").map((part) => part.trim()))
  .pipe(z.array(url.transform((value) => new URL(value).origin)).min(1));

/** `wsp_` and 32 hex digits. */
export const workspaceId = z.string().transform((text, context) => {
  const id = readId("wsp", text);
  if (id !== null) return id;
  context.addIssue({ code: "custom", message: "must be the id of a workspace" });
  return z.NEVER;
});

/** A whole number written in decimal, between the bounds. */
export function integer(min: number, max: number) {
  const rule = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, rule)
    .transform(Number)
    .pipe(z.number().min(min, rule).max(max, rule));
}

/** JSON text that fits `schema`. */
export function jsonSetting<Schema extends z.ZodType>(schema: Schema) {
  return z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue({ code: "custom", message: "is not JSON" });
        return z.NEVER;
      }
    })
    .pipe(schema);
}

/** `{"https://real.example": "http://127.0.0.1:9000/real.example"}`. */
export const originMap = z.record(
  z.url().transform((value) => new URL(value).origin),
  url,
);

const SEALING_KEY_BYTES = 32;

/** Comma-separated 32-byte keys in base64, the current one first; each also opens what it once sealed. */
export const sealingKeys = z
  .string()
  .transform((text) => text.split(",").map((part) => part.trim()))
  .pipe(
    z
      .array(
        z
          .base64()
          .transform((text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0)))
          .refine((key) => key.length === SEALING_KEY_BYTES, "must be 32 bytes in base64")
          .transform(createSecret<Uint8Array>),
      )
      .min(1),
  );

/** No limit is above a million an hour: more is a typing error. */
const limit = z.strictObject({
  limit: z.int().min(1).max(1_000_000),
  windowSeconds: z.int().min(1).max(3600).default(60),
});

const WINDOW_SECONDS = { second: 1, minute: 60, hour: 3600 } as const;

/** The seed's notation: `100/minute`. */
export const seedLimit = z
  .string()
  .regex(/^\d{1,6}\/(second|minute|hour)$/, "must read like 100/minute")
  .transform((text): Limit => {
    const [count, window] = text.split("/");
    return { limit: Number(count), windowSeconds: WINDOW_SECONDS[window as keyof typeof WINDOW_SECONDS] };
  });

/** A bare number is a limit per minute. */
const perMinute = z
  .int()
  .min(1)
  .max(1_000_000)
  .transform((count): Limit => ({ limit: count, windowSeconds: WINDOW_SECONDS.minute }));

/** Limits by name over the defaults: `{"connect": 20}`, `{"connect": "20/minute"}`, `{"connect": {"limit": 20, "windowSeconds": 60}}`. */
export const limitOverrides = z.partialRecord(
  z.enum(Object.keys(DEFAULT_LIMITS) as [LimitName, ...LimitName[]]),
  z.union([seedLimit, perMinute, limit]),
);
