import { setTimeout as sleep } from "node:timers/promises";

/** A call that was answered: it is recorded, whatever happens to the Worker a moment later. */
export interface Acknowledged {
  readonly requestId: string;
  readonly status: number;
  readonly atMs: number;
}

/** Somebody who calls again and again, one call at a time. */
export interface Caller {
  /** Every answer this caller got, in order. */
  readonly answers: readonly Acknowledged[];
  /** Resolves when the call under way is over; there is no other. */
  stop(): Promise<void>;
}

/** Addresses of one network, so that no address calls twice: each refusal is the first of its kind. */
const HOSTS = 250;
const TIMEOUT_MS = 30_000;

/** Calls `ask` with a running number, `pauseMs` apart, until it is stopped. A connection that breaks is no answer. */
export function startCaller(pauseMs: number, ask: (call: number) => Promise<Response>): Caller {
  const answers: Acknowledged[] = [];
  let isStopped = false;
  const run = async () => {
    for (let call = 0; !isStopped; call += 1) {
      const answer = await readAnswer(ask(call));
      if (answer !== null) answers.push(answer);
      await sleep(pauseMs);
    }
  };
  const done = run();
  return {
    answers,
    async stop() {
      isStopped = true;
      await done;
    },
  };
}

async function readAnswer(asked: Promise<Response>): Promise<Acknowledged | null> {
  try {
    const response = await asked;
    // To its last byte: an answer that broke off acknowledges nothing.
    await response.arrayBuffer();
    const requestId = response.headers.get("x-request-id");
    return requestId === null ? null : { requestId, status: response.status, atMs: performance.now() };
  } catch {
    return null;
  }
}

/** Comes without a credential, from another address each time; `name` tells callers apart. */
export function knockAnew(url: string, name: number, call: number): Promise<Response> {
  const address = `10.${name}.${Math.floor(call / HOSTS)}.${1 + (call % HOSTS)}`;
  return get(`${url}/api/v1/connections`, { "cf-connecting-ip": address });
}

/** Comes without a credential from one and the same address. */
export function knockAgain(url: string): Promise<Response> {
  return get(`${url}/api/v1/connections`, { "cf-connecting-ip": "192.0.2.77" });
}

/** Tries a password six times for each account: the sixth is refused by the limit, which knows it before Postgres does. */
export function tryPasswords(url: string, call: number): Promise<Response> {
  const account = Math.floor(call / 6);
  const body = JSON.stringify({ email: `nobody-${account}@example.com`, password: "not the password" });
  const headers = { "content-type": "application/json", "cf-connecting-ip": `10.99.${account % 250}.1` };
  return fetch(`${url}/api/auth/login`, { method: "POST", headers, body, signal: AbortSignal.timeout(TIMEOUT_MS) });
}

/** Reads with a credential. */
export function readAs(session: string, url: string): Promise<Response> {
  return get(url, { authorization: `Bearer ${session}` });
}

function get(url: string, headers: Readonly<Record<string, string>>): Promise<Response> {
  return fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
}
