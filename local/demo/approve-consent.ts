import { createBrowser } from "./browser.ts";

/** A consent that waits for its person. */
export interface WaitingConsent {
  readonly loginUrl: string;
  /** Address of Aurora, and the access token of the person who is signed in there. */
  readonly worker: string;
  readonly session: string;
}

/**
 * Approves a consent as a person at a browser would, and gives the id of the connection it ended in.
 *
 * @throws Error in one sentence when no consent page came or no connection was made.
 */
export async function approveConsent(consent: WaitingConsent, print: (line: string) => void): Promise<string> {
  const browser = createBrowser(print);
  browser.setCookie(new URL(consent.worker).host, "access_token", consent.session);
  const page = await browser.open(consent.loginUrl);
  if (!page.text.includes('name="decision"')) throw new Error(`No consent page came: status ${page.status}.`);
  const email = /name="email"[^>]*value="([^"]*)"/.exec(page.text)?.[1] ?? "demo@example.com";
  print(`        the person chooses ${email} and approves`);
  const end = new URL((await browser.open(page.url, new URLSearchParams({ email, decision: "approve" }))).url);
  print(`        and is back at ${end.pathname}?login=${end.searchParams.get("login") ?? "…"}`);
  const connection = end.searchParams.get("connection");
  if (connection === null) throw new Error("The consent did not end in a connection.");
  return connection;
}
