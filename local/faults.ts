import type { ServerResponse } from "node:http";

/** Ways a stand-in can be told to fail. `reset_after_commit` does the work, then drops the connection without an answer. */
export const FAULT_KINDS = ["status", "delay", "hang", "reset_after_commit", "html", "huge"] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** One failure to play. `null` in `provider` and `endpoint` matches every one. */
export interface Fault {
  readonly kind: FaultKind;
  readonly provider: string | null;
  readonly endpoint: string | null;
  /** The HTTP status of kind `status`. */
  readonly status: number;
  /** How long kind `delay` waits. */
  readonly ms: number;
}

/** The failures a stand-in was told to play. Held in memory: none survives a restart. */
export interface Faults {
  /** Takes the body of `POST /_faults`. @throws Error with a sentence safe to answer with 400. */
  add(raw: unknown): void;
  clear(): void;
  /** The oldest fault that fits this call, counted down; null when the call should go on as usual. */
  take(endpoint: string, provider?: string): Fault | null;
}

interface Pending {
  readonly fault: Fault;
  /** Calls left to spoil; null when only the time counts. */
  timesLeft: number | null;
  /** From the clock given to {@link createFaults}; null when only the count does. */
  readonly endsAtMs: number | null;
}

const DEFAULT_STATUS = 503;
const DEFAULT_DELAY_MS = 1000;
/** Far above any limit the Worker has for an answer (64 KiB), small enough to send at once. */
const HUGE_BODY_BYTES = 5 * 1024 * 1024;
const FIELDS = new Set(["provider", "endpoint", "kind", "status", "ms", "times", "seconds"]);

/**
 * Keeps the failures to play, for the embedded Postgres, the embedded Vault and the sandbox alike.
 *
 * A fault is `{kind, provider?, endpoint?, status? (503), ms? (1000), times? | seconds?}`. It spoils `times` calls,
 * every call for `seconds`, whichever ends first when both are given, and one call when neither is.
 *
 * @param nowMs A clock that only goes forward, in milliseconds.
 */
export function createFaults(nowMs: () => number = () => performance.now()): Faults {
  let pending: Pending[] = [];

  return {
    add(raw) {
      pending.push(parseFault(raw, nowMs()));
    },
    clear() {
      pending = [];
    },
    take(endpoint, provider) {
      pending = pending.filter((entry) => entry.endsAtMs === null || nowMs() < entry.endsAtMs);
      const entry = pending.find(({ fault }) => fits(fault, endpoint, provider));
      if (entry === undefined) return null;
      if (entry.timesLeft !== null) {
        entry.timesLeft -= 1;
        if (entry.timesLeft === 0) pending = pending.filter((other) => other !== entry);
      }
      return entry.fault;
    },
  };
}

function fits(fault: Fault, endpoint: string, provider: string | undefined): boolean {
  if (fault.endpoint !== null && fault.endpoint !== endpoint) return false;
  // A stand-in without providers passes none, and then the field is ignored.
  return fault.provider === null || provider === undefined || fault.provider === provider;
}

/**
 * Plays `fault` on one call. The caller goes on as usual when this answers `false`.
 *
 * @param fault  What `take` answered; null plays nothing.
 * @param commit Does the work of the call without answering it. Run by `reset_after_commit` only.
 * @returns `true` when the call is over: answered, or its connection dropped or left by the client.
 */
export async function applyFault(
  fault: Fault | null,
  response: ServerResponse,
  commit: () => Promise<unknown>,
): Promise<boolean> {
  if (fault === null) return false;
  switch (fault.kind) {
    case "delay":
      await waitOrLeave(fault.ms, response);
      return response.destroyed;
    case "status":
      response.writeHead(fault.status, { "content-type": "application/json" });
      response.end('{"errors":["injected fault"]}');
      return true;
    case "html":
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
      response.end("<!doctype html><title>injected fault</title><p>A page where an API was expected.");
      return true;
    case "huge":
      response.writeHead(200, { "content-type": "application/json" });
      response.end(`{"padding":"${"x".repeat(HUGE_BODY_BYTES)}"}`);
      return true;
    case "hang":
      await waitOrLeave(null, response);
      return true;
    case "reset_after_commit":
      await commitThenReset(response, commit);
      return true;
  }
}

async function commitThenReset(response: ServerResponse, commit: () => Promise<unknown>): Promise<void> {
  try {
    await commit();
  } catch {
    // What the work answered is lost on purpose: this client never hears of it.
  }
  response.socket?.destroy();
}

/** Resolves after `ms` (never, when null), or as soon as the client has gone. */
function waitOrLeave(ms: number | null, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed) return resolve();
    const timer = ms === null ? null : setTimeout(done, ms);
    response.once("close", done);
    function done() {
      if (timer !== null) clearTimeout(timer);
      response.off("close", done);
      resolve();
    }
  });
}

function parseFault(raw: unknown, nowMs: number): Pending {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) throw new Error("A fault is a JSON object.");
  const fields = raw as Record<string, unknown>;
  const unknownField = Object.keys(fields).find((name) => !FIELDS.has(name));
  if (unknownField !== undefined) throw new Error(`A fault has no field "${unknownField}".`);

  const kind = FAULT_KINDS.find((known) => known === fields["kind"]);
  if (kind === undefined) throw new Error(`The kind of a fault is one of ${FAULT_KINDS.join(", ")}.`);
  const times = readNumber(fields, "times", 1, 1_000_000);
  const seconds = readNumber(fields, "seconds", 0, 86_400);
  return {
    fault: {
      kind,
      provider: readName(fields, "provider"),
      endpoint: readName(fields, "endpoint"),
      status: readNumber(fields, "status", 200, 599) ?? DEFAULT_STATUS,
      ms: readNumber(fields, "ms", 0, 600_000) ?? DEFAULT_DELAY_MS,
    },
    timesLeft: times ?? (seconds === null ? 1 : null),
    endsAtMs: seconds === null ? null : nowMs + seconds * 1000,
  };
}

function readName(fields: Record<string, unknown>, name: string): string | null {
  const value = fields[name] ?? null;
  if (value === null) return null;
  if (typeof value !== "string" || value === "") throw new Error(`The ${name} of a fault is a text.`);
  return value;
}

function readNumber(fields: Record<string, unknown>, name: string, least: number, most: number): number | null {
  const value = fields[name] ?? null;
  if (value === null) return null;
  const whole = name === "seconds" || Number.isInteger(value);
  if (typeof value !== "number" || !whole || value < least || value > most) {
    throw new Error(`The ${name} of a fault is a number from ${least} to ${most}.`);
  }
  return value;
}
