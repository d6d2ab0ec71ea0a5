/// <reference path="./oidc-provider.d.ts" />
import { createHash } from "node:crypto";
import type { Interaction, Provider } from "oidc-provider";
import type { State } from "../state.ts";
import { type Answer, html, readForm, type WireRequest } from "../wire.ts";
import { renderConsentPage, renderErrorPage } from "./consent-page.ts";
import { createExchange } from "./run-listener.ts";

const DEFAULT_EMAIL = "demo@example.com";
const EMAIL = /^[^\s@<>"]{1,64}@[^\s@<>"]{1,190}$/;

export interface ConsentOptions {
  readonly providerName: string;
  readonly scopes: readonly string[];
  readonly isOffline: (params: Interaction["params"]) => boolean;
}

/** Builds the handler of the consent page: GET shows it, POST takes the decision and sends the browser on. */
export function createConsent(provider: Provider, state: State, prefix: string, options: ConsentOptions) {
  return async (request: WireRequest): Promise<Answer> => {
    const { incoming, response } = createExchange(request);
    const interaction = await provider.interactionDetails(incoming, response).catch(() => null);
    if (interaction?.uid !== request.path.split("/").at(-1)) {
      return html(400, renderErrorPage("This consent has ended", "Start again from the application."));
    }
    const { params } = interaction as Interaction;
    const email = params["login_hint"] ?? DEFAULT_EMAIL;
    const page = { providerName: options.providerName, email, scopes: params["scope"]?.split(" ") ?? [] };
    if (request.method === "GET") return html(200, renderConsentPage(page));

    const form = readForm(request);
    const result = form?.get("decision") === "deny" ? { error: "access_denied" } : await approve(form, params);
    if (!result) return html(400, renderErrorPage("Not an email address", "Go back and enter one."));
    const location = await provider.interactionResult(incoming, response, result);
    return { status: 303, headers: { location, "cache-control": "no-store" }, body: "" };
  };

  async function approve(form: URLSearchParams | null, params: Interaction["params"]): Promise<object | null> {
    const email = (form?.get("email") ?? params["login_hint"] ?? DEFAULT_EMAIL).trim().toLowerCase();
    if (!EMAIL.test(email)) return null;
    const accountId = subjectOf(email);
    state.set(`${prefix}/email/${accountId}`, email, null);
    const grant = new provider.Grant({ accountId, clientId: String(params["client_id"]) });
    grant.addOIDCScope(params["scope"] ?? "");
    const grantId = await grant.save();
    state.set(`${prefix}/offline/${grantId}`, options.isOffline(params), null);
    return { login: { accountId }, select_account: {}, consent: { grantId } };
  }
}

/** The same 21 digits for the same email, like a Google account id. */
function subjectOf(email: string): string {
  const digest = createHash("sha256").update(email).digest("hex");
  return `1${(BigInt(`0x${digest}`) % 10n ** 20n).toString().padStart(20, "0")}`;
}
