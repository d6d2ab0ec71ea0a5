import { vi } from "vitest";
import { endpoints } from "./worker-endpoints.ts";

/** What goes wrong with a call: an answer of that status, or one of the other ways to fail. */
export type Fault = number | "page" | "flood" | "cut" | "silence";

/** Everything the Worker calls, seen and spoilt from this file only: the stand-ins are shared with other files. */
export interface Network {
  /** Spoils every call to a stand-in, or to one host of the providers, until it is mended. */
  fail(target: "vault" | "postgres" | (string & {}), fault: Fault): void;
  mend(): void;
  /** How many calls went to an address that holds `part`, since the network was watched. */
  count(part: string): number;
}

const FLOOD_CHARACTERS = 5 * 1024 * 1024;

/** Answers a call instead of the network; null leaves it to the network. */
export type Player = (url: string, request: () => Request) => Promise<Response> | null;

/** Watches until `vi.restoreAllMocks()`. */
export function watchNetwork(player: Player = () => null): Network {
  const real = globalThis.fetch;
  const seen: string[] = [];
  let failing: readonly { readonly prefix: string; readonly fault: Fault }[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation((input, init) => {
    const request = input instanceof Request ? input : null;
    const url = request?.url ?? String(input);
    seen.push(url);
    const found = failing.find(({ prefix }) => url.startsWith(prefix));
    if (found !== undefined) return play(found.fault, init?.signal ?? request?.signal);
    return player(url, () => new Request(input, init)) ?? real(input, init);
  });
  return {
    fail: (target, fault) => {
      failing = [...failing, { prefix: addressOf(target), fault }];
    },
    mend: () => {
      failing = [];
    },
    count: (part) => seen.filter((url) => url.includes(part)).length,
  };
}

function addressOf(target: string): string {
  const { vault, postgres, sandbox } = endpoints;
  if (target === "vault") return vault;
  return target === "postgres" ? postgres : `${sandbox}/${target}/`;
}

async function play(fault: Fault, signal: AbortSignal | null | undefined): Promise<Response> {
  switch (fault) {
    case "page":
      return new Response("<!doctype html><title>injected fault</title>", { headers: { "content-type": "text/html" } });
    case "flood":
      return Response.json({ padding: "x".repeat(FLOOD_CHARACTERS) });
    case "cut":
      throw new TypeError("Network connection lost: injected fault");
    case "silence":
      return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    default:
      return Response.json({ errors: ["injected fault"] }, { status: fault, headers: { "retry-after": "1" } });
  }
}
