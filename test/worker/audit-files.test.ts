import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Bindings } from "../../src/bindings.ts";
import type { AuditLogObject } from "../../src/domain/audit-chain.ts";
import type { AuditEntry } from "../../src/domain/audit-event.ts";
import { requireValue } from "../../src/domain/outcome.ts";
import {
  bearer,
  newAddress,
  newKey,
  newPerson,
  ORIGIN,
  type Person,
  requireStatus,
  worker,
} from "../support/worker-client.ts";
import { watchNetwork } from "../support/worker-network.ts";

const { AUDIT_LOG } = env as unknown as Bindings;

const LOGIN: AuditEntry = {
  action: "user.login",
  outcome: "success",
  actor: { type: "user", id: "usr_1" },
  resource: null,
  ip: "192.0.2.1",
  requestId: "req_1",
  detail: {},
};

/** Puts as many events into the person's chain, past every limit there is on the way. */
async function fill({ workspaceId }: Person, count: number, entry: AuditEntry = LOGIN): Promise<void> {
  const log = AUDIT_LOG.get(AUDIT_LOG.idFromName(workspaceId)) as unknown as DurableObjectStub & AuditLogObject;
  requireValue(
    await log.append(
      workspaceId,
      Array.from({ length: count }, () => entry),
    ),
  );
  requireValue(await log.flush());
}

function download(person: Pick<Person, "token">, query = ""): Promise<Response> {
  const headers = { "cf-connecting-ip": newAddress(), ...bearer(person.token) };
  return worker.fetch(new Request(`${ORIGIN}/api/v1/audit/export${query}`, { headers }));
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("an export", () => {
  test("is a download of every event of the workspace, and of no other", async () => {
    const ada = await newPerson();
    await fill(ada, 1500);
    const response = await download(ada);
    expect(response.headers.get("content-disposition")).toBe(
      `attachment; filename="aurora-audit-${ada.workspaceId}.jsonl"`,
    );
    expect(response.headers.get("content-type")).toBe("application/x-ndjson; charset=utf-8");
    expect(response.headers.get("cache-control")).toBe("no-store");
    const events = (await response.text())
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: events.length }, (_, index) => index + 1));
    expect(events.length).toBeGreaterThanOrEqual(1501);
    expect(events[0]).toMatchObject({ action: "user.registered" });
    const listed = (await ada.call("GET", "/api/v1/audit?limit=1")).body.events[0];
    expect(events[0]).toEqual(listed);
  });

  test("as a table keeps a spreadsheet from calculating", async () => {
    const ada = await newPerson();
    await fill(ada, 1, { ...LOGIN, ip: "=HYPERLINK(1)", requestId: "@x", actor: { type: "user", id: "-1" } });
    const response = await download(ada, "?format=csv&actor=-1");
    expect(response.headers.get("content-type")).toMatch(/^text\/csv/);
    const [, row = ""] = (await response.text()).split("\r\n");
    expect(row).toContain(",user,'-1,,,,,'=HYPERLINK(1),'@x,{},");
  });

  test("is narrowed as a list is", async () => {
    const ada = await newPerson();
    const text = await (await download(ada, "?action=user.registered&after=0")).text();
    expect(text.trim().split("\n")).toHaveLength(1);
    expect(await (await download(ada, "?action=user.registered&after=1")).text()).toBe("");
  });

  test.each(["?format=xml", "?format=", "?after=-1", "?action=user.hacked"])("%s is a bad request", async (query) => {
    const ada = await newPerson();
    expect((await download(ada, query)).status).toBe(400);
  });

  test("is 503 when the database is away, and breaks off when it goes away in the middle", async () => {
    vi.spyOn(console, "error").mockImplementation(() => undefined);
    const ada = await newPerson();
    await fill(ada, 2500);
    const network = watchNetwork();
    const response = await download(ada);
    expect(response.status).toBe(200);
    network.fail("postgres", "cut");
    await expect(response.text()).rejects.toThrow();
    expect((await download(ada)).status).toBe(503);
    network.mend();
    expect((await (await download(ada)).text()).split("\n").length).toBeGreaterThan(2500);
  });
});

describe("what an auditor needs beside it", () => {
  test("is listed: the checkpoints of the workspace, page by page, and the public keys without their secret half", async () => {
    const ada = await newPerson();
    const eve = await newPerson();
    await fill(ada, 2000);
    const checkpoints = async (who: Person, query = "") =>
      requireStatus(await who.call("GET", `/api/v1/audit/checkpoints${query}`), 200).body;
    await expect
      .poll(async () => (await checkpoints(ada)).checkpoints.map(({ seq }: { seq: number }) => seq), {
        timeout: 10_000,
      })
      .toEqual([1000, 2000]);
    expect(await checkpoints(ada, "?limit=1")).toMatchObject({ chain: ada.workspaceId, next: "1000" });
    expect(await checkpoints(ada, "?after=1000")).toMatchObject({ checkpoints: [{ seq: 2000 }], next: null });
    expect((await checkpoints(eve)).checkpoints).toEqual([]);
    const { keys } = requireStatus(await ada.call("GET", "/api/v1/audit/keys"), 200).body;
    const { key_id } = (await checkpoints(ada)).checkpoints[0];
    expect(keys).toContainEqual({ kty: "OKP", crv: "Ed25519", kid: key_id, x: expect.stringMatching(/^[\w-]{43}$/) });
  });

  test("is for whoever may read the log, a key as well", async () => {
    const ada = await newPerson();
    const reader = await newKey(ada, ["audit:read"]);
    const other = await newKey(ada, ["tokens:read"]);
    for (const path of ["export", "checkpoints", "keys"]) {
      expect((await reader.call("GET", `/api/v1/audit/${path}`)).status).toBe(200);
      expect((await other.call("GET", `/api/v1/audit/${path}`)).status).toBe(403);
    }
  });
});
