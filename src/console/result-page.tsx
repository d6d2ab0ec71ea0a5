import type { Page } from "./render-page.ts";

/** How a consent ended, as the callback put it into the query. */
export interface ConsentResult {
  /** `<provider>_success`, `<provider>_pending` or `<provider>_failed`. */
  readonly login: string;
  readonly error: string | null;
}

const REASONS: Readonly<Record<string, string>> = {
  access_denied: "You declined at the provider. Nothing was stored.",
  provider_rejected: "The provider did not accept the consent. Nothing was stored.",
  provider_unavailable: "The provider did not answer. Nothing was stored; try again in a while.",
  vault_unavailable: "The secret store is away. If the provider had answered, the connection appears when it is back.",
  database_unavailable: "The database is away. If the provider had answered, the connection appears when it is back.",
};

/** Says how a consent ended, for consents that were given no page of their own to return to. */
export function ResultPage({ login, error }: ConsentResult): Page {
  const [, provider = "", ending = ""] = /^([a-z0-9_]{1,40})_(success|pending|failed)$/.exec(login) ?? [];
  if (ending === "success") return page("Connected", `${provider} is connected. You can close this page.`, true);
  if (ending === "pending") {
    return page(
      "Almost connected",
      `${provider} is connected once the application that sent you here confirms it.`,
      true,
    );
  }
  const reason = REASONS[error ?? ""] ?? "Something went wrong on the way. Nothing was stored.";
  return page("Not connected", reason, false);
}

function page(title: string, sentence: string, isGood: boolean): Page {
  return {
    title,
    body: (
      <main>
        <h1>{title}</h1>
        <p class={isGood ? "notice good" : "notice"} role="status">
          {sentence}
        </p>
      </main>
    ),
  };
}
