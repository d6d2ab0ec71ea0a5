import type { Endpoint } from "./provider.ts";

/** The log keeps this many calls; a benchmark must not fill the memory. */
const MAX_CALLS = 50_000;

/** One call a provider received. Holds no query string and no body: both carry secrets. */
export interface Call {
  readonly provider: string;
  readonly endpoint: Endpoint | null;
  readonly grant_type?: string;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  /** Null while unanswered, and for ever when the connection was destroyed. */
  status: number | null;
  /** When it arrived, RFC 3339. */
  readonly at: string;
}

export interface CallLog {
  /** Records a call on arrival, so that one that hangs is counted. The caller fills in `status`. */
  begin(call: Omit<Call, "status">): Call;
  list(provider: string | null): Call[];
  clear(): void;
}

export function createCallLog(): CallLog {
  let calls: Call[] = [];
  return {
    begin(call) {
      const entry: Call = { ...call, status: null };
      calls.push(entry);
      if (calls.length > MAX_CALLS) calls = calls.slice(-MAX_CALLS / 2);
      return entry;
    },
    list: (provider) => calls.filter((call) => provider === null || call.provider === provider),
    clear() {
      calls = [];
    },
  };
}
