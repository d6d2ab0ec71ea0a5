import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { epochSeconds } from "../src/domain/time.ts";
import { createWebhookSecret, signWebhook } from "../src/domain/webhook-secret.ts";
import { randomBytes } from "./support/random-bytes.ts";

const guide = readFileSync(join(import.meta.dirname, "../docs/webhooks.md"), "utf8");
const directory = mkdtempSync(join(tmpdir(), "aurora-recipes-"));
afterAll(() => rmSync(directory, { recursive: true }));

const hasPython = spawnSync("python3", ["--version"]).status === 0;
if (!hasPython) console.log("skipped: no python3 is installed, so the Python recipe of docs/webhooks.md is not run");

function recipe(language: "js" | "python"): string {
  const [, code] = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(guide) ?? [];
  if (code === undefined) throw new Error(`docs/webhooks.md has no recipe in ${language}`);
  return code;
}

type Verify = (secret: string, headers: Record<string, string>, body: string) => Promise<unknown>;

const inJavaScript: Verify = async (secret, headers, body) => {
  const file = join(directory, "recipe.mjs");
  writeFileSync(file, recipe("js"));
  const { verifyWebhook } = await import(file);
  return verifyWebhook(secret, headers, body);
};

const inPython: Verify = async (secret, headers, body) => {
  const file = join(directory, "recipe.py");
  const main = `
import sys
secret, headers, body = json.loads(sys.stdin.read())
print(json.dumps(verify_webhook(secret, headers, body.encode())))
`;
  writeFileSync(file, recipe("python") + main);
  const input = JSON.stringify([secret, headers, body]);
  return JSON.parse(execFileSync("python3", [file], { input, stdio: "pipe" }).toString());
};

const LANGUAGES: readonly (readonly [string, Verify])[] = [
  ["JavaScript", inJavaScript],
  ...(hasPython ? [["Python", inPython] as const] : []),
];

/** What the recipes promise when an event is not ours: an error of theirs, none of the language's own. */
const REFUSALS: Readonly<Record<string, RegExp>> = {
  JavaScript: /^Error: (not signed|too old)/,
  Python: /ValueError: (not signed|too old|invalid literal)/,
};

describe.each(LANGUAGES)("the recipe in %s", (language, verify) => {
  const secret = createWebhookSecret(randomBytes);
  const old = createWebhookSecret(randomBytes);
  const body = '{"type":"apikey.created","data":{"seq":1,"name":"é😀"}}';

  async function headersOf(secrets: readonly string[], secondsAgo = 0): Promise<Record<string, string>> {
    const timestamp = epochSeconds(Date.now() / 1000 - secondsAgo);
    const signature = await signWebhook(secrets, "msg_1", timestamp, body);
    return { "webhook-id": "msg_1", "webhook-timestamp": String(timestamp), "webhook-signature": signature };
  }

  test("takes what we sign, and each secret of a rotation", async () => {
    expect(await verify(secret, await headersOf([secret]), body)).toEqual(JSON.parse(body));
    const headers = await headersOf([secret, old]);
    expect(await verify(old, headers, body)).toEqual(JSON.parse(body));
    expect(await verify(secret, headers, body)).toEqual(JSON.parse(body));
  });

  test("refuses another secret, another body, another id, and what is too old or from the future", async () => {
    const headers = await headersOf([secret]);
    await expect(verify(old, headers, body)).rejects.toThrow();
    await expect(verify(secret, headers, body.replace("1", "2"))).rejects.toThrow();
    await expect(verify(secret, { ...headers, "webhook-id": "msg_2" }, body)).rejects.toThrow();
    await expect(verify(secret, { ...headers, "webhook-signature": "v1,AAAA" }, body)).rejects.toThrow();
    await expect(verify(secret, await headersOf([secret], 400), body)).rejects.toThrow();
    await expect(verify(secret, await headersOf([secret], -400), body)).rejects.toThrow();
  });

  test.each([
    ["no id", { "webhook-id": undefined }],
    ["no timestamp", { "webhook-timestamp": undefined }],
    ["no signature", { "webhook-signature": undefined }],
    ["an empty signature", { "webhook-signature": "" }],
    ["a signature in no script of base64", { "webhook-signature": "v1,é" }],
    ["a signature of nothing", { "webhook-signature": "v1," }],
    ["a signature without a version", { "webhook-signature": "v1 v2,AAAA" }],
    ["a timestamp that is no number", { "webhook-timestamp": "yesterday" }],
    ["a timestamp beyond all time", { "webhook-timestamp": "9".repeat(400) }],
  ])("refuses %s as it says it does, and does not fall over it", async (_what, change) => {
    const headers = JSON.parse(JSON.stringify({ ...(await headersOf([secret])), ...change }));
    const refusal = await verify(secret, headers, body).then(
      () => "it was taken",
      (error: unknown) => String(error instanceof Error && "stderr" in error ? error.stderr : error),
    );
    expect(refusal).toMatch(REFUSALS[language] ?? /^$/);
  });
});
