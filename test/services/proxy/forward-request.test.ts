import { describe, expect, test } from "vitest";
import type { Connection } from "../../../src/domain/connection.ts";
import { AppError } from "../../../src/domain/errors.ts";
import type { StreamedRequest } from "../../../src/domain/ports/upstream.ts";
import { epochSeconds } from "../../../src/domain/time.ts";
import type { Credential, TokenData } from "../../../src/domain/token-data.ts";
import { createRegistry } from "../../../src/providers/registry.ts";
import { forwardRequest } from "../../../src/services/proxy/forward-request.ts";
import { createFakeAuditLog } from "../../support/fake-audit-log.ts";
import { createFakeLimiter } from "../../support/fake-limiter.ts";
import { createFakeMetrics } from "../../support/fake-metrics.ts";

const ID = `con_${"0".repeat(32)}`;
const NOW = epochSeconds(1_800_000_000);
type Deps = Parameters<typeof forwardRequest>[0];

interface World {
  readonly provider?: string;
  readonly tokenData?: TokenData;
  readonly answers?: readonly (Response | Error)[];
  /** What the keeper answers, in order; a number is a version. */
  readonly renewals?: readonly (number | AppError)[];
  readonly forced?: number;
  readonly impersonatedBy?: string | null;
}

function createWorld(world: World = {}) {
  const { provider = "gcp", tokenData, answers = [], renewals = [], forced = 1000, impersonatedBy = null } = world;
  const sent: StreamedRequest[] = [];
  const forces: boolean[] = [];
  const deferred: Promise<unknown>[] = [];
  const credential = (version: number): Credential => ({
    tokenData: tokenData ?? { access_token: `token-${version}` },
    ...{ issuedAt: NOW, expiresAt: epochSeconds(NOW + 3600), version },
  });
  const connection = { id: ID, provider, workspaceId: "wsp_1", ownerId: "usr_1", status: "active" } as Connection;
  const queue = [...answers];
  const renewed = [...renewals];
  const audit = createFakeAuditLog();
  const deps = {
    audit,
    defer: (work: Promise<unknown>) => deferred.push(work),
    metrics: createFakeMetrics(),
    now: () => NOW,
    providers: createRegistry([]),
    limiter: createFakeLimiter({ connect: forced }),
    hotCredentials: { read: () => ({ connection, credential: credential(1) }), write: () => {}, forget: () => {} },
    keepers: {
      refresh: async (_: unknown, { force }: { force: boolean }) => {
        forces.push(force);
        const next = renewed.shift() ?? 1;
        if (next instanceof AppError) throw next;
        return { credential: credential(next), refreshed: force && next > 1 };
      },
    },
    stream: async (request: StreamedRequest) => {
      sent.push(request);
      const answer = queue.shift() ?? new Response("fine");
      if (answer instanceof Error) throw answer;
      return answer;
    },
  } as unknown as Deps;
  const caller = {
    ...{ ip: null, requestId: null },
    principal: {
      id: "usr_1",
      workspaceId: "wsp_1",
      credential: { kind: "session", fingerprint: "f" },
      impersonatedBy,
    },
  } as never;

  async function call(method: string, rest: string, options: { host?: string; headers?: object; body?: string } = {}) {
    const { body } = options;
    const headers = new Headers({ ...options.headers });
    const content = body === undefined ? null : new Blob([body]).stream();
    const asked = {
      ...{ connectionId: ID as never, method, url: `https://aurora.example/api/v1/proxy/${ID}${rest}`, headers },
      ...{ body: { content, bytes: body === undefined ? null : new Blob([body]).size }, host: options.host ?? null },
    };
    return forwardRequest(deps, caller, asked, undefined);
  }
  return { call, sent, forces, deferred, audit };
}

const refusal = () => new Response("no", { status: 401 });

describe("the host", () => {
  test("is the first of the provider's, or another exact one", async () => {
    const { call, sent } = createWorld();
    await call("GET", "/v1/projects?x=1");
    await call("GET", "/storage/v1/b", { host: "storage.googleapis.com" });
    expect(sent.map(({ url }) => url)).toEqual([
      "https://cloudresourcemanager.googleapis.com/v1/projects?x=1",
      "https://storage.googleapis.com/storage/v1/b",
    ]);
  });

  test.each([
    ...["", "evil.example", "STORAGE.googleapis.com", "storage.googleapis.com.", "storage.googleapis.com:443"],
    ...[
      "x.storage.googleapis.com",
      "storage.googleapis.com, evil.example",
      "storage.googleapis.com/../",
      "user@storage.googleapis.com",
    ],
  ])("is not %j", async (host) => {
    const { call, sent } = createWorld();
    await expect(call("GET", "/", { host })).rejects.toMatchObject({ code: "invalid_request" });
    expect(sent).toEqual([]);
  });

  test("is the user's own where the credential says so, with what is below its address and nothing beside it", async () => {
    const tokenData = { service_account_token: "t", base_url: "https://grafana.example.com:8443/metrics/" };
    const { call, sent } = createWorld({ provider: "grafana", tokenData });
    await call("GET", "/api/org?x");
    await call("GET", "/api/org", { host: "grafana.example.com:8443" });
    expect(sent.map(({ url }) => url)).toEqual([
      "https://grafana.example.com:8443/metrics/api/org?x",
      "https://grafana.example.com:8443/metrics/api/org",
    ]);
    await expect(call("GET", "/", { host: "grafana.example.com" })).rejects.toMatchObject({ code: "invalid_request" });
    await expect(call("GET", "/../admin")).rejects.toMatchObject({ code: "invalid_request" });
  });

  test("is none for a user's own installation whose address is missing", async () => {
    const { call } = createWorld({ provider: "grafana", tokenData: { service_account_token: "t" } });
    await expect(call("GET", "/")).rejects.toMatchObject({ code: "invalid_request" });
  });
});

describe("what is refused before anything is sent", () => {
  test.each<[string, string, string, object]>([
    ["a dot segment", "GET", "/a/%2e%2e/b", {}],
    ["a WebSocket", "GET", "/", { headers: { upgrade: "WebSocket", connection: "upgrade" } }],
    ["a GET with a body", "GET", "/", { body: "x" }],
    ["a HEAD with a body of unknown length", "HEAD", "/", { headers: { "transfer-encoding": "chunked" } }],
  ])("is %s", async (_, method, rest, options) => {
    const { call, sent, audit } = createWorld();
    await expect(call(method, rest, options)).rejects.toMatchObject({ code: "invalid_request" });
    expect([sent, audit.entries]).toEqual([[], []]);
  });

  test("is a body that AWS wants signed and nobody can hold", async () => {
    const tokenData = { access_key_id: "a", secret_access_key: "s", session_token: "t" };
    const { call, sent } = createWorld({ provider: "aws", tokenData });
    const body = "x".repeat(4 * 1024 * 1024 + 1);
    await expect(call("POST", "/", { body })).rejects.toMatchObject({ code: "payload_too_large" });
    expect(sent).toEqual([]);
    await call("PUT", "/bucket/key", { body, host: "s3.amazonaws.com" });
    expect(sent[0]?.body).toBeInstanceOf(ReadableStream);
    await call("POST", "/", { body: "Action=ListUsers", host: "iam.amazonaws.com" });
    expect(new TextDecoder().decode(sent[1]?.body as Uint8Array)).toBe("Action=ListUsers");
  });
});

describe("a body", () => {
  test("of 64 KiB is held, a longer one goes through as it comes", async () => {
    const { call, sent } = createWorld();
    await call("PUT", "/", { body: "x".repeat(65_536) });
    await call("PUT", "/", { body: "x".repeat(65_537) });
    await call("POST", "/", { body: "" });
    expect(sent.map(({ body }) => body?.constructor.name ?? null)).toEqual(["Uint8Array", "ReadableStream", null]);
    expect(sent[1]?.bodyBytes).toBe(65_537);
  });
});

describe("a credential the provider refuses", () => {
  test.each(["GET", "HEAD", "PUT", "DELETE"])("is renewed once, and the %s repeated", async (method) => {
    const { call, sent, forces } = createWorld({ answers: [refusal()], renewals: [1, 2] });
    const answer = await call(method, "/", method === "PUT" ? { body: "x" } : {});
    expect([answer.status, forces]).toEqual([200, [false, true]]);
    expect(sent.map(({ headers }) => headers.get("authorization"))).toEqual(["Bearer token-1", "Bearer token-2"]);
    expect(sent.map(({ body }) => body?.constructor.name ?? null)).toEqual(
      method === "PUT" ? ["Uint8Array", "Uint8Array"] : [null, null],
    );
  });

  test("is not renewed again when another call has done so already", async () => {
    const { call, sent, forces } = createWorld({ answers: [refusal()], renewals: [5] });
    expect((await call("GET", "/")).status).toBe(200);
    expect([forces, sent.length]).toEqual([[false], 2]);
  });

  test("twice is the provider's own answer", async () => {
    const { call, sent, forces } = createWorld({ answers: [refusal(), refusal()], renewals: [1, 2] });
    const answer = await call("GET", "/");
    expect([answer.status, await answer.text(), forces.length, sent.length]).toEqual([401, "no", 2, 2]);
  });

  test.each<[string, string, object]>([
    ["a POST", "POST", { body: "x" }],
    ["a PATCH", "PATCH", {}],
    ["a PUT whose body is gone", "PUT", { body: "x".repeat(70_000) }],
  ])("of %s is renewed for the next call, and this one is not repeated", async (_, method, options) => {
    const { call, sent, forces, deferred } = createWorld({ answers: [refusal()], renewals: [1, 2] });
    const answer = await call(method, "/", options);
    await Promise.all(deferred);
    expect([answer.status, sent.length, forces]).toEqual([401, 1, [false, true]]);
  });

  test("is answered as it is when it cannot be renewed: a key, a provider that is away, too many tries", async () => {
    const tokenData = { service_account_token: "t", base_url: "https://grafana.example.com" };
    const key = createWorld({ provider: "grafana", tokenData, answers: [refusal()] });
    expect([(await key.call("GET", "/")).status, key.forces]).toEqual([401, [false]]);
    const away = new AppError("provider_unavailable", "Away.");
    const down = createWorld({ answers: [refusal()], renewals: [1, away] });
    expect((await down.call("GET", "/")).status).toBe(401);
    const spent = createWorld({ answers: [refusal()], forced: 0 });
    expect([(await spent.call("GET", "/")).status, spent.forces]).toEqual([401, [false]]);
  });

  test("says so when only a person can mend it", async () => {
    const dead = new AppError("reauth_required", "Connect again.");
    const { call } = createWorld({ answers: [refusal()], renewals: [1, dead] });
    await expect(call("GET", "/")).rejects.toMatchObject({ code: "reauth_required" });
  });
});

test("an answer that never begins is the provider's outage", async () => {
  const { call } = createWorld({ answers: [new AppError("provider_unavailable", "Away.")] });
  await expect(call("GET", "/")).rejects.toMatchObject({ code: "provider_unavailable" });
});

test("a call of a key that acts for somebody is counted apart from their own", async () => {
  const { call, audit } = createWorld({ impersonatedBy: "key_1" });
  await call("GET", "/");
  expect(audit.entries).toMatchObject([
    { key: expect.stringContaining("|key_1>usr_1|"), actor: { type: "user", id: "usr_1", via: "key_1" } },
  ]);
});

test("a call is counted by principal, connection, host and method, and never by its path", async () => {
  const { call, audit } = createWorld();
  await call("GET", "/secret-path?secret=1");
  expect(audit.entries).toEqual([
    expect.objectContaining({
      ...{ action: "proxy.called", key: `proxy.called|usr_1|${ID}|cloudresourcemanager.googleapis.com|GET` },
      ...{ detail: { host: "cloudresourcemanager.googleapis.com", method: "GET" } },
    }),
  ]);
  expect(JSON.stringify(audit.entries)).not.toMatch(/secret-path|token-1/);
});
