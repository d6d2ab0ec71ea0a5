import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { SecretData } from "../../src/domain/token-data.ts";
import { addMember } from "../../src/providers/hujson.ts";
import type { Acquired } from "../../src/providers/provider.ts";
import { createSshKeyPair } from "../../src/providers/ssh-key.ts";
import { tailscale } from "../../src/providers/tailscale.ts";
import { type PlayedProviders, startProviders } from "./sandbox-providers.ts";
import { json, NOW, scripted } from "./scripted-upstream.ts";

const CLIENT = { client_id: "kClientCNTRL", client_secret: "tskey-client-secret", tailnet: "example.com" };
const SECRET = {
  ...CLIENT,
  access_token: "at-1",
  token_type: "Bearer",
  expires_at: NOW + 3600,
  account: "example.com",
};
const ACQUIRED: Acquired = {
  secret: SECRET,
  account: "example.com",
  upstreamAccount: null,
  scopes: [],
  metadata: { tailnet: "example.com" },
};
const KEY = { id: "kNew", key: "tskey-auth-new", expires: new Date((NOW + 90 * 86_400) * 1000).toISOString() };
const PREVIOUS = {
  ...SECRET,
  ssh_private_key: "old private",
  ssh_public_key: "old public",
  auth_key: "tskey-auth-old",
  auth_key_id: "kOld",
  auth_key_expires_at: NOW + 30 * 86_400,
};
const TAGGED = '{"tagOwners": {"tag:aurora": ["autogroup:admin"]}}';
const UNTAGGED = '{\n  // ours\n  "tagOwners": {},\n}';
const policy = (text: string, etag = '"v1"') => new Response(text, { headers: { etag } });
const TOKENS = { access_token: "at-2", token_type: "Bearer", expires_in: 3600 };

function provision(previous: SecretData | null, ...answers: Response[]) {
  const { context, sent } = scripted(...answers);
  return { sent, acquired: tailscale.provision(ACQUIRED, previous, context) };
}
const asked = (sent: readonly { method: string; url: string }[]) =>
  sent.map(({ method, url }) => `${method} ${url.replace("https://api.tailscale.com/api/v2/", "")}`);

function hasSshKeygen(): boolean {
  return spawnSync("ssh-keygen", ["-?"]).error === undefined;
}

describe("the SSH key pair", () => {
  test.skipIf(!hasSshKeygen())("is one that OpenSSH reads, and both halves belong together", async () => {
    const { privateKey, publicKey } = await createSshKeyPair("aurora-ssh-key");
    const file = join(mkdtempSync(join(tmpdir(), "aurora-ssh-")), "key");
    writeFileSync(file, privateKey, { mode: 0o600 });
    expect(execFileSync("ssh-keygen", ["-y", "-f", file], { encoding: "utf8" }).trim()).toBe(publicKey);
    expect(publicKey).toMatch(/^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5[A-Za-z0-9+/]{48} aurora-ssh-key$/);
    expect((await createSshKeyPair("aurora-ssh-key")).publicKey).not.toBe(publicKey);
  });

  test("is kept across a reconnect, because its public half is on people's machines", async () => {
    const { acquired } = provision(PREVIOUS, policy(TAGGED), json({ id: "kOld" }));
    expect((await acquired).secret).toMatchObject({ ssh_private_key: "old private", ssh_public_key: "old public" });
  });

  test("is made anew where the old secret has none", async () => {
    const { acquired } = provision(SECRET, policy(TAGGED), json(KEY));
    expect((await acquired).secret["ssh_private_key"]).toMatch(/^-----BEGIN OPENSSH PRIVATE KEY-----\n/);
  });
});

describe("the tag", () => {
  test("is left alone where it is", async () => {
    const { acquired, sent } = provision(null, policy(TAGGED), json(KEY));
    expect((await acquired).metadata).not.toHaveProperty("warning");
    expect(asked(sent)).toEqual(["GET tailnet/example.com/acl", "POST tailnet/example.com/keys"]);
  });

  test("is added to the version that was read, with the comments as they were", async () => {
    const { acquired, sent } = provision(null, policy(UNTAGGED), policy("{}"), json(KEY));
    await acquired;
    expect(sent[0]?.headers.get("accept")).toBe("application/hujson");
    expect(sent[1]).toMatchObject({ method: "POST" });
    expect(sent[1]?.headers.get("if-match")).toBe('"v1"');
    expect(sent[1]?.headers.get("content-type")).toBe("application/hujson");
  });

  test("is tried once more when somebody else was quicker", async () => {
    const { acquired, sent } = provision(null, policy(UNTAGGED), json({}, 412), policy(TAGGED, '"v2"'), json(KEY));
    expect((await acquired).metadata).not.toHaveProperty("warning");
    expect(asked(sent)).toEqual([
      "GET tailnet/example.com/acl",
      "POST tailnet/example.com/acl",
      "GET tailnet/example.com/acl",
      "POST tailnet/example.com/keys",
    ]);
  });

  test.each([
    ["a policy that changes twice", [policy(UNTAGGED), json({}, 412), policy(UNTAGGED), json({}, 412)]],
    ["no permission to read the policy", [json({}, 403)]],
    ["no permission to change it", [policy(UNTAGGED), json({}, 403)]],
    ["a policy without a version", [new Response(UNTAGGED)]],
    ["a policy that is none", [policy("[]")]],
    ["an outage", [json({}, 503)]],
  ])("%s is said, and the account is connected all the same", async (_what, answers) => {
    const { acquired } = provision(null, ...answers, json(KEY));
    const { metadata, secret } = await acquired;
    expect(metadata).toMatchObject({
      tailnet: "example.com",
      warning: expect.stringMatching(/tag:aurora may be missing/),
    });
    expect(secret).toMatchObject({ auth_key: "tskey-auth-new" });
  });
});

describe("the auth key", () => {
  test("is reusable, authorised before, tagged, and known by its id", async () => {
    const { acquired, sent } = provision(null, policy(TAGGED), json(KEY));
    expect((await acquired).secret).toMatchObject({
      auth_key: "tskey-auth-new",
      auth_key_id: "kNew",
      auth_key_expires_at: NOW + 90 * 86_400,
    });
    expect(sent[1]?.headers.get("content-type")).toBe("application/json");
  });

  test.each([
    ["refused", json({}, 403)],
    ["not tagged as the client may", json({ message: "requested tags are invalid" }, 400)],
    ["answered without its value", json({ id: "k" })],
  ])("%s: that is said and nothing is made up", async (_what, answer) => {
    const { metadata, secret } = await provision(null, policy(TAGGED), answer).acquired;
    expect(metadata).toMatchObject({ warning: expect.stringMatching(/there is no auth key\.$/) });
    expect(secret).not.toHaveProperty("auth_key");
    expect(tailscale.exposes.filter((name) => name in secret)).not.toContain("auth_key");
  });

  test("that still lives is kept across a reconnect: no second one is left behind", async () => {
    const { acquired, sent } = provision(PREVIOUS, policy(TAGGED), json({ id: "kOld" }));
    expect((await acquired).secret).toMatchObject({ auth_key: "tskey-auth-old", auth_key_id: "kOld" });
    expect(asked(sent)[1]).toBe("GET tailnet/example.com/keys/kOld");
  });

  test.each([
    ["was revoked", json({ id: "kOld", invalid: true })],
    ["says when it was revoked", json({ id: "kOld", revoked: "2026-10-15T11:22:19Z" })],
    ["is gone", json({}, 404)],
  ])("that %s is replaced", async (_what, answer) => {
    const { acquired, sent } = provision(PREVIOUS, policy(TAGGED), answer, json(KEY), json({}, 404));
    expect((await acquired).secret).toMatchObject({ auth_key_id: "kNew" });
    expect(asked(sent).slice(2)).toEqual(["POST tailnet/example.com/keys", "DELETE tailnet/example.com/keys/kOld"]);
  });

  test("a revocation in the year 1 is none, and an end in the year 1 is unknown", async () => {
    const never = "0001-01-01T00:00:00Z";
    const kept = provision(PREVIOUS, policy(TAGGED), json({ id: "kOld", invalid: false, revoked: never }));
    expect((await kept.acquired).secret).toMatchObject({ auth_key_id: "kOld" });
    const made = provision(null, policy(TAGGED), json({ ...KEY, expires: never }));
    expect((await made.acquired).secret).toMatchObject({ auth_key_expires_at: NOW + 90 * 86_400 });
  });

  test("of another tailnet is ended with that tailnet's own client", async () => {
    const other = { ...PREVIOUS, client_id: "kOtherCNTRL", tailnet: "other.example", account: "other.example" };
    const { acquired, sent } = provision(other, policy(TAGGED), json(KEY), json(TOKENS), json({}));
    expect((await acquired).secret).toMatchObject({ auth_key_id: "kNew" });
    expect(sent[2]?.form).toMatchObject({ client_id: "kOtherCNTRL" });
    expect(asked(sent)[3]).toBe("DELETE tailnet/other.example/keys/kOld");
  });

  test("is renewed by a refresh when its end is near", async () => {
    const { context, sent } = scripted(json(TOKENS), json(KEY), json({}));
    const fresh = await tailscale.refresh({ ...PREVIOUS, auth_key_expires_at: NOW + 86_400 }, context);
    expect(fresh).toMatchObject({ access_token: "at-2", auth_key: "tskey-auth-new", ssh_private_key: "old private" });
    expect(asked(sent)[2]).toBe("DELETE tailnet/example.com/keys/kOld");
  });

  test("that cannot be renewed does not fail the refresh", async () => {
    const { context } = scripted(json(TOKENS), json({}, 403));
    const fresh = await tailscale.refresh({ ...PREVIOUS, auth_key_expires_at: NOW + 86_400 }, context);
    expect(fresh).toMatchObject({ access_token: "at-2", auth_key: "tskey-auth-old" });
  });

  test("is ended by a disconnect, with a token minted for it; one that is gone is no error", async () => {
    const { context, sent } = scripted(json(TOKENS), json({}, 404));
    await tailscale.revoke(PREVIOUS, context);
    expect(asked(sent)).toEqual(["POST oauth/token", "DELETE tailnet/example.com/keys/kOld"]);
    expect(sent[1]?.headers.get("authorization")).toBe("Bearer at-2");
    const none = scripted();
    await tailscale.revoke(SECRET, none.context);
    expect(none.sent).toEqual([]);
  });
});

describe("whose account it is", () => {
  const devices = (...list: unknown[]) => json({ devices: list });
  const connect = (given: Record<string, unknown>, answer: Response) =>
    tailscale.connect({ ...CLIENT, ...given }, scripted(json(TOKENS), answer).context);

  test.each([
    ["the tailnet that was named", {}, devices(), "example.com"],
    [
      "the name its own devices have, when none was",
      { tailnet: "-" },
      devices({ name: "x.tailff.ts.net", isExternal: true }, { name: "web.tail5a9d.ts.net" }),
      "tail5a9d.ts.net",
    ],
    ["the client, when there is no device", { tailnet: "-" }, devices(), "kClientCNTRL"],
  ])("is %s", async (_what, given, answer, account) => {
    expect(await connect(given, answer)).toMatchObject({ account, metadata: { tailnet: account } });
  });

  test("401 without an OAuth error is a refused client, at a refresh one that needs a person", async () => {
    const refused = () => scripted(json({ message: "API token invalid" }, 401)).context;
    await expect(tailscale.connect(CLIENT, refused())).rejects.toMatchObject({ code: "provider_rejected" });
    await expect(tailscale.refresh(SECRET, refused())).rejects.toMatchObject({ code: "reauth_required" });
  });
});

describe("HuJSON", () => {
  const add = (text: string) => addMember(text, ["tagOwners", "tag:aurora"], '["autogroup:admin"]');

  test.each([
    ["an empty object", "{}"],
    ["an empty list of owners", '{"tagOwners": {}}'],
    ["another spelling of the name", '{"TagOwners": {"tag:web": []}}'],
    ["comments that name the tag", '// "tag:aurora"\n{ /* "tagOwners": {} */ "tagOwners": { // "tag:aurora": 1\n } }'],
    ["strings that look like comments", '{"x": "// {", "y": "/*", "tagOwners": {"tag:a": []}}'],
    ["the name deeper down", '{"tests": [{"tagOwners": {"tag:aurora": []}}], "x": "tagOwners"}'],
    ["a trailing comma", '{"tagOwners": {"tag:web": [],},}'],
  ])("gets the member in %s, and nothing else changes", (_what, text) => {
    const changed = add(text) ?? "";
    expect(changed).not.toBe(text);
    expect(changed).toContain('"tag:aurora": ["autogroup:admin"],');
    expect(add(changed)).toBe(changed);
    const insertion = changed.length - text.length;
    const at = [...text].findIndex((character, index) => changed[index] !== character);
    expect(text).toBe(at === -1 ? changed.slice(0, text.length) : changed.slice(0, at) + changed.slice(at + insertion));
  });

  test.each(["", "[]", "null", "// nothing", '{"tagOwners": []}', '{"tagOwners": null}'])("refuses %j", (text) => {
    expect(add(text)).toBeNull();
  });
});

describe("against the sandbox", () => {
  let played: PlayedProviders;
  beforeAll(async () => {
    played = await startProviders();
  });
  afterAll(() => played.stop());
  afterEach(() => played.reset());

  test("a reconnect keeps both keys, a disconnect ends the auth key", async () => {
    const credentials = await played.credentials("tailscale");
    const { secret } = await played.acquire(played.find("tailscale"), credentials);
    const proven = await tailscale.connect(credentials, played.context());
    const again = await tailscale.provision(proven, secret, played.context());
    for (const name of ["ssh_private_key", "ssh_public_key", "auth_key", "auth_key_id"]) {
      expect(again.secret[name]).toBe(secret[name]);
    }
    await tailscale.revoke(again.secret, played.context());
    await tailscale.revoke(again.secret, played.context());
    const removals = (await played.calls("tailscale")).filter(({ method }) => method === "DELETE");
    expect(removals.map(({ status, endpoint }) => [status, endpoint])).toEqual([
      [200, "revoke"],
      [404, "revoke"],
    ]);
  });

  test("an outage of the API after the proof is a warning, not a lost connection", async () => {
    const credentials = await played.credentials("tailscale");
    const proven = await tailscale.connect(credentials, played.context());
    await played.fault({ provider: "tailscale", endpoint: "api", kind: "status", status: 503, times: 2 });
    const { metadata } = await tailscale.provision(proven, null, played.context());
    expect(metadata).toMatchObject({ warning: expect.stringContaining("there is no auth key") });
  });
});
