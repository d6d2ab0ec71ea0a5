import type { ServerResponse } from "node:http";
import { applyFault, createFaults } from "../faults.ts";
import type { PlayedCall } from "./answer-call.ts";

/** Endpoints that can be made to fail. A consent page cannot: no caller of ours depends on it. */
const FAULTY_ENDPOINTS = ["token", "api", "revoke"];

export interface FaultQueue {
  /** Takes the body of `POST /_faults`. Returns a sentence saying what is wrong, or null. */
  add(raw: Readonly<Record<string, unknown>>): string | null;
  clear(): void;
  /** Plays the next fault for this call. True: the call is over. */
  play(played: PlayedCall, response: ServerResponse): Promise<boolean>;
}

/** The shared faults, plus `retry_after` (seconds) on those of kind `status`, which only providers send. */
export function createFaultQueue(providerIds: readonly string[]): FaultQueue {
  const faults = createFaults();
  const retryAfter = new Map<string, number>();
  return {
    add(raw) {
      const { retry_after, ...fault } = raw;
      const { provider, endpoint, status } = fault;
      if (!providerIds.includes(String(provider))) return `provider must be one of ${providerIds.join(", ")}`;
      if (!FAULTY_ENDPOINTS.includes(String(endpoint))) return `endpoint must be one of ${FAULTY_ENDPOINTS.join(", ")}`;
      if (retry_after !== undefined && !Number.isInteger(retry_after)) return "retry_after must be a number of seconds";
      try {
        faults.add(fault);
      } catch (error) {
        return (error as Error).message;
      }
      const key = `${provider}/${endpoint}/${status}`;
      retryAfter.delete(key);
      if (typeof retry_after === "number") retryAfter.set(key, retry_after);
      return null;
    },
    clear() {
      faults.clear();
      retryAfter.clear();
    },
    async play({ provider, endpoint, call, answer }, response) {
      if (endpoint === null || !FAULTY_ENDPOINTS.includes(endpoint)) return false;
      const fault = faults.take(endpoint, provider);
      const seconds = fault?.kind === "status" ? retryAfter.get(`${provider}/${endpoint}/${fault.status}`) : undefined;
      if (seconds !== undefined) response.setHeader("retry-after", String(seconds));
      const isOver = await applyFault(fault, response, answer);
      if (isOver && call && response.writableEnded) call.status = response.statusCode;
      return isOver;
    },
  };
}
