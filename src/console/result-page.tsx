import type { Page } from "./render-page.ts";

/** How a consent ended, as the callback put it into the query. */
export interface ConsentResult {
  /** `<provider>_success`, `<provider>_pending` or `<provider>_failed`. */
  readonly login: string;
  readonly error: string | null;
  /** The connection will appear by itself. */
  readonly isStoredLater: boolean;
}

const REASONS: Readonly<Record<string, string>> = {
  access_denied: "You declined at the provider. Nothing was stored.",
  provider_rejected: "The provider did not accept the consent. Nothing was stored.",
  provider_unavailable: "The provider did not answer. Nothing was stored; try again in a while.",
  vault_unavailable: "Our secret store is away. Nothing was stored; try again in a while.",
  database_unavailable: "Our database is away. Nothing was stored; try again in a while.",
  conflict: "The account was disconnected in the same moment. Nothing was stored; connect it again.",
};

/** Says how a consent ended, for consents that were given no page of their own to return to. */
export function ResultPage({ login, error, isStoredLater }: ConsentResult): Page {
  const [, provider = "", ending = ""] = /^([a-z0-9_]{1,40})_(success|pending|failed)$/.exec(login) ?? [];
  if (ending === "success") return page("Connected", `${provider} is connected. You can close this page.`, true);
  if (ending === "pending") {
    return page(
      "Almost connected",
      `${provider} is connected once the application that sent you here confirms it.`,
      true,
    );
  }
  if (isStoredLater) {
    const sentence = `${provider} has agreed, and our stores are away: the connection appears by itself when they are back.`;
    return page("Almost connected", sentence, true);
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
