import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Stack, startStack } from "../support/stack.ts";
import { register } from "./person.ts";

const CHROMIUM = "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

describe.skipIf(!existsSync(CHROMIUM))("a person at a browser", () => {
  const profile = mkdtempSync(join(tmpdir(), "aurora-browser-"));
  let stack: Stack;
  let browser: BrowserContext;

  beforeAll(async () => {
    stack = await startStack();
    browser = await chromium.launchPersistentContext(profile, { executablePath: CHROMIUM, args: FLAGS });
  });

  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
    rmSync(profile, { recursive: true, force: true });
  });

  /** A page, and every host it asked for something. */
  async function openPage(): Promise<{ page: Page; hosts: Set<string>; problems: string[] }> {
    const page = await browser.newPage();
    const hosts = new Set<string>();
    const problems: string[] = [];
    page.on("request", (request) => hosts.add(new URL(request.url()).host));
    page.on("console", (message) => problems.push(message.text()));
    return { page, hosts, problems };
  }

  test("signs in on the way to the consent, approves, and reads that the account is connected", async () => {
    const person = await register(stack);
    const link = await person.call("POST", "/api/v1/providers/gcp/authorize", {});
    const { page, hosts, problems } = await openPage();
    await page.goto(link.body.login_url);
    await page.getByLabel("Email").fill(person.email);
    await page.getByLabel("Password").fill(person.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "Approve" }).click();
    await page.getByRole("heading", { name: "Connected", exact: true }).waitFor();
    expect(problems).toEqual([]);
    const own = [stack.url, stack.endpoints().sandbox].map((address) => new URL(address).host);
    expect([...hosts].filter((host) => !own.includes(host))).toEqual([]);
    const { body } = await person.call("GET", "/api/v1/connections");
    expect(body.connections).toMatchObject([{ provider: "gcp", status: "active" }]);

    await page.goto(link.body.login_url);
    await page.getByText("This link was used or has expired").waitFor();
    await page.close();
  });

  test("who is signed in as somebody else is refused at the link, and nothing is exchanged", async () => {
    const starter = await register(stack);
    const link = await starter.call("POST", "/api/v1/providers/gcp/authorize", {});
    const { page } = await openPage();
    await page.goto(link.body.login_url);
    await page.getByText("This consent was started by somebody else").waitFor();
    expect((await starter.call("GET", "/api/v1/connections")).body.connections).toEqual([]);
    await page.close();
  });

  test("a declined consent ends on a page that says so, and a wrong password on the form", async () => {
    await browser.clearCookies();
    const person = await register(stack);
    const link = await person.call("POST", "/api/v1/providers/gcp/authorize", {});
    const { page } = await openPage();
    await page.goto(link.body.login_url);
    await page.getByLabel("Email").fill(person.email);
    await page.getByLabel("Password").fill("not-the-password");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("The email or the password is wrong.").waitFor();
    await page.getByLabel("Password").fill(person.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "Deny" }).click();
    await page.getByText("You declined at the provider").waitFor();
    await page.close();
  });

  test("the API is readable without a script", async () => {
    const { page, problems } = await openPage();
    await page.goto(`${stack.url}/docs`);
    await page.getByText("A credential that works now").waitFor();
    expect(problems).toEqual([]);
    await page.close();
  });
});
