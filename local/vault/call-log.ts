/** One call the server received; never a body, a query or a token. */
export interface LoggedCall {
  readonly method: string;
  readonly path: string;
  /** Null while unanswered, and for good when a fault cut the connection. */
  status: number | null;
}

/** The calls since the start or the last reset, oldest first. */
export interface CallLog {
  /** Recorded on arrival, so that a call that hangs is counted; the caller fills in `status`. */
  begin(method: string, path: string): LoggedCall;
  list(): readonly LoggedCall[];
  clear(): void;
}

/** A benchmark must not fill the memory. */
const MAX_CALLS = 50_000;

export function createCallLog(): CallLog {
  let calls: LoggedCall[] = [];
  return {
    begin: (method, path) => {
      const call: LoggedCall = { method, path, status: null };
      calls.push(call);
      if (calls.length > MAX_CALLS) calls = calls.slice(-MAX_CALLS / 2);
      return call;
    },
    list: () => calls,
    clear: () => {
      calls = [];
    },
  };
}
