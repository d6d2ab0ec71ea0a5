import { AppError } from "../domain/errors.ts";
import type { JsonObject } from "../domain/json.ts";
import type { UpstreamOptions } from "../domain/ports/upstream.ts";
import { isTemporary, readJson, unavailable } from "./answers.ts";
import type { ProviderContext } from "./provider.ts";

/** What an answer means at one call of one provider, where it is not what it usually means. */
export interface Refusals extends Readonly<Partial<Record<401 | 403 | 404, string>>> {
  /** The header that says when a limit ends (epoch seconds), for a provider that sends no `Retry-After`. */
  readonly limitEnd?: string;
}

/**
 * What the provider answers to a call made with a credential: the proof that the credential works.
 *
 * @param name     The provider as a person knows it, for the sentences.
 * @param refusals Safe to show, as every sentence of an error is.
 * @throws `provider_rejected` when it refused the credential or the request; `provider_unavailable` when it answered
 *         nothing that says so. Neither carries a word of the answer.
 */
export async function probe(
  name: string,
  request: Request,
  context: ProviderContext,
  refusals: Refusals = {},
  options: UpstreamOptions = {},
): Promise<JsonObject> {
  return (await probeWithHeaders(name, request, context, refusals, options)).body;
}

/** The same with the answer's headers, where they say something about the credential. */
export async function probeWithHeaders(
  name: string,
  request: Request,
  context: ProviderContext,
  refusals: Refusals = {},
  options: UpstreamOptions = {},
): Promise<{ readonly body: JsonObject; readonly headers: Headers }> {
  const answer = await context.send(request, options);
  requireAcceptance(name, answer, context, refusals);
  const body = await readJson(answer);
  if (body === null) throw unavailable({ name, now: context.now, limitEnd: refusals.limitEnd }, answer);
  return { body, headers: answer.headers };
}

/** Throws what an answer that is not a success says of the credential. @throws as `probe` */
export function requireAcceptance(
  name: string,
  answer: Response,
  { now }: Pick<ProviderContext, "now">,
  refusals: Refusals = {},
): void {
  const { status } = answer;
  if (status === 401 || status === 403 || status === 404)
    throw rejected(refusals[status] ?? usualRefusal(name, status));
  // A redirect is what a proxy or a sign-in page in front of the API answers.
  const isRedirect = status < 400 && !answer.ok;
  if (isTemporary(status) || isRedirect) throw unavailable({ name, now, limitEnd: refusals.limitEnd }, answer);
  if (status >= 400) throw rejected(`${name} refused the request made with this credential.`);
}

function usualRefusal(name: string, status: 401 | 403 | 404): string {
  if (status === 401) return `${name} does not accept this credential.`;
  if (status === 403) return `${name} knows this credential but does not give it the permission it needs.`;
  return `${name} has nothing at this address.`;
}

/** A request for JSON with a bearer token and no body. */
export function bearerRequest(url: string, token: string, method: "GET" | "POST" = "GET"): Request {
  return new Request(url, { method, headers: { accept: "application/json", authorization: `Bearer ${token}` } });
}

function rejected(message: string): AppError {
  return new AppError("provider_rejected", message);
}
