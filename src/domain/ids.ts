import { AppError } from "./errors.ts";

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type UserId = Branded<"UserId">;
export type WorkspaceId = Branded<"WorkspaceId">;
export type ApiKeyId = Branded<"ApiKeyId">;
export type KubectlTokenId = Branded<"KubectlTokenId">;
export type SessionId = Branded<"SessionId">;
export type ConnectionId = Branded<"ConnectionId">;
export type HandshakeId = Branded<"HandshakeId">;
export type GrantId = Branded<"GrantId">;
export type WebhookId = Branded<"WebhookId">;
export type DeliveryId = Branded<"DeliveryId">;
/** Who owns a connection: a user, or an API key that connected it itself. */
export type OwnerId = UserId | ApiKeyId;
/** As whom a call can act. A cluster agent's token owns nothing. */
export type PrincipalId = OwnerId | KubectlTokenId;

interface IdKinds {
  usr: UserId;
  wsp: WorkspaceId;
  key: ApiKeyId;
  kct: KubectlTokenId;
  ses: SessionId;
  con: ConnectionId;
  hsk: HandshakeId;
  grt: GrantId;
  whk: WebhookId;
  msg: DeliveryId;
}

/** What stands before an id's underscore, e.g. `con`. */
export type IdKind = keyof IdKinds;

/** 128 random bits in hex: unguessable, and safe in a path, a Vault name and a KV key. */
const ID_BYTES = 16;
const ID_BODY = /^[0-9a-f]{32}$/;

/** A new id of the given kind, e.g. `con_0f…` (32 hex digits). `random` fills bytes. */
export function createId<Kind extends IdKind>(kind: Kind, random: (bytes: number) => Uint8Array): IdKinds[Kind] {
  return `${kind}_${toHex(random(ID_BYTES))}` as IdKinds[Kind];
}

/** The id in `raw`, or null when it is not one of that kind. */
export function readId<Kind extends IdKind>(kind: Kind, raw: unknown): IdKinds[Kind] | null {
  if (typeof raw !== "string" || !raw.startsWith(`${kind}_`) || !ID_BODY.test(raw.slice(kind.length + 1))) return null;
  return raw as IdKinds[Kind];
}

/** The id in `raw`. @throws `not_found`: a malformed id and an absent one look alike. */
export function requireId<Kind extends IdKind>(kind: Kind, raw: unknown): IdKinds[Kind] {
  const id = readId(kind, raw);
  if (id === null) throw new AppError("not_found", "There is nothing here by that id.");
  return id;
}

/** The owner in `raw`: `usr_…` or `key_…`. @throws `not_found` when it is neither. */
export function requireOwnerId(raw: unknown): OwnerId {
  return readId("key", raw) ?? requireId("usr", raw);
}

/** Lower-case hex of `bytes`. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
