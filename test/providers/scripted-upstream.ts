import { epochSeconds } from "../../src/domain/time.ts";
import type { ProviderContext } from "../../src/providers/provider.ts";

export const NOW = epochSeconds(1_800_000_000);

export interface SentRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly form: Record<string, string>;
  readonly timeoutMs: number | undefined;
}

/** A context whose provider answers from a script, in order, and which remembers what was asked. */
export function scripted(...answers: readonly (Response | Error)[]) {
  const sent: SentRequest[] = [];
  const script = [...answers];
  const context: ProviderContext = {
    async send(request, options) {
      const form = Object.fromEntries(new URLSearchParams(await request.text()));
      const { method, url, headers } = request;
      sent.push({ method, url, headers, form, timeoutMs: options?.timeoutMs });
      const answer = script.shift();
      if (answer === undefined) throw new Error(`not in the script: ${method} ${url}`);
      if (answer instanceof Error) throw answer;
      return answer;
    },
    now: NOW,
    settings: {
      GCP_CLIENT_ID: "gcp-client",
      GCP_CLIENT_SECRET: "gcp-secret",
      AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
      AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    },
    awsExternalId: "6f1b0e5c-2f0e-4a3b-9c1d-3f5a7b9d1e2f",
  };
  return { context, sent };
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(typeof body === "string" ? body : JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}
