import { createHash } from "node:crypto";
import type { Connection } from "../../../src/domain/connection.ts";
import { AppError } from "../../../src/domain/errors.ts";
import type { Setup, SetupOrder, SetupResult } from "../../../src/domain/gcp-setup.ts";
import { requireId } from "../../../src/domain/ids.ts";
import type { GcpSetupRuns, GcpSetupStore, RunState } from "../../../src/domain/ports/gcp-setups.ts";
import type { SecretRef } from "../../../src/domain/secret-ref.ts";
import { addSeconds, epochSeconds } from "../../../src/domain/time.ts";
import type { SetupDeps, StepRunner } from "../../../src/services/gcp-setup/setup-run.ts";
import { createFakeAuditLog } from "../../support/fake-audit-log.ts";
import { createLogbook } from "../../support/fake-logbook.ts";

export const NOW = epochSeconds(1_800_000_000);
export const OWNER = requireId("usr", `usr_${"1".repeat(32)}`);
export const WORKSPACE = requireId("wsp", `wsp_${"2".repeat(32)}`);
export const EMAIL = "ada@example.com";
const MAX_ATTEMPTS = 7;

export function connectionId(digit = "3") {
  return requireId("con", `con_${digit.repeat(32)}`);
}

export const CONNECTION: Connection = {
  id: connectionId(),
  workspaceId: WORKSPACE,
  ownerId: OWNER,
  provider: "gcp",
  account: EMAIL,
  label: null,
  status: "active",
  shared: false,
  scopes: [],
  metadata: {},
  secretRef: "vault:kv/data/aurora/users/x" as SecretRef,
  version: 1,
  issuedAt: NOW,
  expiresAt: addSeconds(NOW, 3600),
  credentialExpiresAt: null,
  lastRefreshedAt: null,
  lastError: null,
  createdAt: NOW,
  updatedAt: NOW,
};

export const ORDER: SetupOrder = {
  connectionId: CONNECTION.id,
  workspaceId: WORKSPACE,
  ownerId: OWNER,
  attempt: 1,
  selection: null,
};

/** One request as Google gets it. */
export interface Asked {
  readonly method: string;
  /** Host and path, without the query. */
  readonly target: string;
  readonly query: URLSearchParams;
  readonly token: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it sent.
  readonly body: any;
}

/** What Google answers to one request; an AppError is thrown, as the adapter does. */
export type Google = (asked: Asked, earlier: readonly Asked[]) => { status?: number; body: unknown } | AppError;

/** A set-up's ports in memory: `deps` for the services, and levers. */
export function createSetupWorld(google: Google, setups: readonly Setup[] = []) {
  const asked: Asked[] = [];
  const audit = createFakeAuditLog();
  const store = createFakeStore(setups);
  const levers = {
    connection: CONNECTION as Connection | null,
    tokens: 0,
    refreshes: [] as boolean[],
    life: 3600,
    now: NOW,
  };
  const deps = {
    audit,
    gcpSetups: store,
    now: () => levers.now,
    sha256: async (text: string) => createHash("sha256").update(text).digest("hex"),
    sleep: async (ms: number) => {
      levers.now = addSeconds(levers.now, ms / 1000);
    },
    connections: { find: async () => levers.connection },
    keepers: {
      refresh: async (_binding: unknown, { force }: { force: boolean }) => {
        levers.refreshes.push(force);
        if (levers.connection?.status === "reauth_required") throw new AppError("reauth_required", "Connect again.");
        levers.tokens += 1;
        const tokenData = { access_token: `token-${levers.tokens}` };
        const expiresAt = addSeconds(levers.now, levers.life);
        return { refreshed: force, credential: { tokenData, issuedAt: levers.now, expiresAt, version: 1 } };
      },
    },
    log: createLogbook(),
    send: async (request: Request) => {
      const { host, pathname, searchParams } = new URL(request.url);
      const text = await request.text();
      const one: Asked = {
        method: request.method,
        target: decodeURIComponent(`${host}${pathname}`),
        query: searchParams,
        token: request.headers.get("authorization")?.replace("Bearer ", "") ?? null,
        body: text === "" ? null : JSON.parse(text),
      };
      const answer = google(one, [...asked]);
      asked.push(one);
      if (answer instanceof AppError) throw answer;
      return new Response(JSON.stringify(answer.body), { status: answer.status ?? 200 });
    },
  } as unknown as SetupDeps;
  return { deps, asked, audit, store, levers };
}

/** Durable steps in memory: a finished one answers again; one that throws is tried again up to the last time. */
export function createFakeRunner(
  crashAfter: string | null = null,
): StepRunner & { readonly finished: Map<string, unknown> } {
  const finished = new Map<string, unknown>();
  return {
    finished,
    async run<Answer>(name: string, _patience: unknown, work: (attempt: { isLast: boolean }) => Promise<Answer>) {
      if (finished.has(name)) return finished.get(name) as Answer;
      for (let attempt = 1; ; attempt++) {
        try {
          const answer = structuredClone(await work({ isLast: attempt === MAX_ATTEMPTS }));
          finished.set(name, answer);
          if (name === crashAfter) throw new Error("killed");
          return answer;
        } catch (error) {
          if (attempt === MAX_ATTEMPTS || (error as Error).message === "killed") throw error;
        }
      }
    },
  };
}

export function runningSetup(change: Partial<Setup> = {}): Setup {
  return {
    connectionId: CONNECTION.id,
    attempt: 1,
    status: "running",
    step: 1,
    progress: 0,
    projects: [],
    result: null,
    startedAt: NOW,
    ...change,
  };
}

/** The table in memory, without its row-level security. */
export function createFakeStore(setups: readonly Setup[]): GcpSetupStore & { readonly rows: Map<string, Setup> } {
  const rows = new Map<string, Setup>(setups.map((setup) => [setup.connectionId, setup]));
  const change = (id: string, attempt: number, next: Partial<Setup>, from: readonly string[]) => {
    const row = rows.get(id);
    if (row === undefined || row.attempt !== attempt || !from.includes(row.status)) return false;
    rows.set(id, { ...row, ...next });
    return true;
  };
  return {
    rows,
    begin: async (_scope, id, selection) => {
      const row = rows.get(id);
      if (row?.status === "running") return null;
      const attempt = (row?.attempt ?? 0) + 1;
      const projects = selection === null ? [] : (row?.projects ?? []);
      rows.set(id, runningSetup({ connectionId: id, attempt, projects }));
      return attempt;
    },
    advance: async (_scope, id, attempt, position) => change(id, attempt, position, ["running"]),
    finish: async (_scope, id, attempt, { status, result, projects }) =>
      change(id, attempt, { status, result, ...(projects && { projects }) }, ["running", status]),
    find: async (_scope, id) => rows.get(id) ?? null,
    list: async (_scope, ids) => ids.flatMap((id) => rows.get(id) ?? []),
    listOwnOpen: async () => [...rows.values()].filter(({ status }) => status !== "success"),
    takeStalled: async () =>
      [...rows.values()]
        .filter(({ status }) => status === "running")
        .map(({ connectionId: id, attempt }) => ({ ...ORDER, connectionId: id, attempt })),
  };
}

/** Workflow instances in memory. */
export function createFakeRuns(state: RunState = "absent") {
  const started: SetupOrder[] = [];
  const woken: SetupOrder[] = [];
  const runs: GcpSetupRuns = {
    start: async (order) => void started.push(order),
    state: async () => state,
    wake: async (order) => void woken.push(order),
  };
  return { runs, started, woken };
}

export function resultOf(setup: Setup | undefined): SetupResult {
  if (!setup?.result) throw new Error("the set-up has no result");
  return setup.result;
}
