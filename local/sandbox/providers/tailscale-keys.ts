import { randomBytes } from "node:crypto";
import type { SandboxContext } from "../provider.ts";
import { type Answer, json, type WireRequest } from "../wire.ts";
import { refuse } from "./tailscale-answers.ts";

const MAX_SECONDS = 90 * 86_400;
const DESCRIPTION = /^[A-Za-z0-9 -]{0,50}$/;

interface KeyRequest {
  readonly capabilities?: { devices?: { create?: { reusable?: boolean; preauthorized?: boolean; tags?: string[] } } };
  readonly expirySeconds?: number;
  readonly description?: string;
}

/** Auth keys of the tailnet. A client may make tagged ones only. @see https://tailscale.com/api#tag/keys */
export function createTailnetKeys({ state, now }: SandboxContext, hasTag: (tag: string) => boolean) {
  const keyOf = (id: string) => `tailscale/key/${id}`;
  return {
    create(request: WireRequest): Answer {
      const wanted = parseRequest(request);
      const create = wanted?.capabilities?.devices?.create;
      const { expirySeconds: seconds = MAX_SECONDS, description = "" } = wanted ?? {};
      if (!create || !DESCRIPTION.test(description)) return refuse(400, "invalid key request");
      if (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_SECONDS)
        return refuse(400, "invalid expirySeconds");
      const { tags = [] } = create;
      if (tags.length === 0 || !tags.every(hasTag)) {
        return refuse(400, `requested tags ${JSON.stringify(tags)} are invalid or not permitted`);
      }
      const id = `k${randomBytes(6).toString("hex")}CNTRL`;
      const [created, expires] = [now(), now() + seconds * 1000].map((time) => new Date(time).toISOString());
      const described = { id, keyType: "auth", description, created, expires, capabilities: wanted?.capabilities };
      state.set(keyOf(id), described, now() + seconds * 1000);
      return json(200, { ...described, key: `tskey-auth-${id}-${randomBytes(18).toString("hex")}` });
    },
    read(_request: WireRequest, id: string): Answer {
      const known = state.get(keyOf(id));
      return known === null ? refuse(404, "key not found") : json(200, known);
    },
    remove(_request: WireRequest, id: string): Answer {
      if (state.get(keyOf(id)) === null) return refuse(404, "key not found");
      state.delete(keyOf(id));
      return json(200, {});
    },
  };
}

function parseRequest(request: WireRequest): KeyRequest | null {
  if (request.headers["content-type"] !== "application/json") return null;
  try {
    return JSON.parse(request.body.toString("utf8")) as KeyRequest;
  } catch {
    // No JSON: the caller is told so.
    return null;
  }
}
