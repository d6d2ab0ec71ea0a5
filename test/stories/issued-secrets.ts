import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Something a provider of the sandbox gave out, as its journal tells it. */
export interface Issued {
  readonly kind: string;
  readonly value: string;
  readonly isUsed: boolean;
}

/** Models of oidc-provider whose key is the token itself. */
const TOKEN_KEY = /^oidc\/[^/]+\/(AccessToken|RefreshToken|AuthorizationCode)\/(.+)$/;

/** Every token and code in the sandbox's journal, expired and revoked ones too, as it last was. */
export function readIssued(directory: string): readonly Issued[] {
  const issued = new Map<string, Issued>();
  for (const line of readFileSync(join(directory, "state.jsonl"), "utf8").split("\n")) {
    if (line === "") continue;
    const [key, entry] = JSON.parse(line);
    const [, kind, value] = TOKEN_KEY.exec(key) ?? [];
    if (kind === undefined || value === undefined) continue;
    issued.set(key, { kind, value, isUsed: entry === null || entry.value.consumed !== undefined });
  }
  return [...issued.values()];
}
