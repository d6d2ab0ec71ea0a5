import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { approveConsent } from "./approve-consent.ts";
import { expectStatus, readText } from "./replies.ts";
import { createTalk, type Reply, type Talk } from "./talk.ts";

type Print = (line: string) => void;

/** A person may connect and refresh by force ten times a minute together; four providers are eight of them. */
const PROVIDERS_PER_PERSON = 4;
/** Limits count over a minute: whoever was refused and has waited that long is let in. */
const LIMIT_WINDOW_MS = 61_000;
/** What the consent of a provider has to be told. */
const CONSENT_OPTIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = { ovh: { endpoint: "ovh-eu" } };
const NOTHING = "–";
/** The widest column is the last. */
const HEADINGS = ["provider", "kind", "probe", "refresh", "upstream revocation", "token"];

interface Card {
  readonly id: string;
  readonly kind: string;
  readonly refreshable: boolean;
}

interface Person {
  readonly aurora: Talk;
  readonly session: string;
}

interface Stage {
  readonly worker: string;
  readonly sandbox: Talk;
  readonly credentials: Readonly<Record<string, unknown>>;
  readonly print: Print;
}

/** A line of the table; `problem` is a sentence, null when all went well. */
interface Row {
  readonly provider: string;
  readonly kind: string;
  probe: string;
  token: string;
  refresh: string;
  revocation: string;
  problem: string | null;
}

/**
 * Takes every provider through its life at a running stack, and prints a table of it.
 *
 * @throws Error in one sentence that names the providers that failed; the others were played all the same.
 */
export async function playAllProviders(endpoints: { worker: string; sandbox: string }, print: Print): Promise<void> {
  const sandbox = createTalk("sandbox", endpoints.sandbox, () => {});
  const credentials = expectStatus(await sandbox.quietly("GET", "/_credentials"), 200).body;
  const stage = { worker: endpoints.worker, sandbox, credentials, print };
  let person = await registerPerson(stage);
  const cards = await listProviders(person);
  const rows: Row[] = [];
  for (const [index, card] of cards.entries()) {
    if (index > 0 && index % PROVIDERS_PER_PERSON === 0) person = await registerPerson(stage);
    print(`${index + 1}/${cards.length} ${card.id}`);
    rows.push(await playProvider(stage, person, card));
  }
  print(`\n${formatTable(rows)}\n`);
  const problems = rows.flatMap(({ provider, problem }) => (problem === null ? [] : [`${provider}: ${problem}`]));
  if (problems.length > 0) throw new Error(`Not every provider works. ${problems.join(" ")}`);
  print(`All ${rows.length} providers work.`);
}

async function registerPerson({ worker, print }: Stage): Promise<Person> {
  const aurora = createTalk("aurora ", worker, () => {});
  const email = `demo-${randomBytes(4).toString("hex")}@example.com`;
  const password = randomBytes(12).toString("base64url");
  const register = () => aurora.quietly("POST", "/api/auth/register", { email, password, name: "Demo" });
  requireSuccess(await waitOutLimit(register, print), 201, "registering");
  const login = () => aurora.quietly("POST", "/api/auth/login", { email, password });
  const session = readText(requireSuccess(await waitOutLimit(login, print), 200, "signing in"), "access_token");
  aurora.headers["authorization"] = `Bearer ${session}`;
  return { aurora, session };
}

/** Earlier runs count as well: five people a minute may register from one address. */
async function waitOutLimit(call: () => Promise<Reply>, print: Print): Promise<Reply> {
  const reply = await call();
  if (reply.status !== 429) return reply;
  print("  a limit is reached; going on in a minute");
  await sleep(LIMIT_WINDOW_MS);
  return call();
}

async function listProviders({ aurora }: Person): Promise<readonly Card[]> {
  const { body } = expectStatus(await aurora.quietly("GET", "/api/v1/providers"), 200);
  if (!Array.isArray(body["providers"]) || body["providers"].length === 0) throw new Error("Aurora lists no provider.");
  return body["providers"] as readonly Card[];
}

async function playProvider(stage: Stage, person: Person, card: Card): Promise<Row> {
  const unplayed = { probe: NOTHING, token: NOTHING, refresh: NOTHING, revocation: NOTHING };
  const row: Row = { provider: card.id, kind: card.kind, ...unplayed, problem: null };
  try {
    row.probe = "failed";
    const connection = await connect(stage, person, card.id);
    row.probe = "ok";
    try {
      row.token = await readFieldNames(person.aurora, connection);
      if (card.refreshable) row.refresh = "failed";
      if (card.refreshable) row.refresh = await refresh(person.aurora, connection);
    } finally {
      row.revocation = await disconnect(stage, person.aurora, card.id, connection);
    }
  } catch (error) {
    // No server answers any more: there is nothing left to play against.
    if (error instanceof TypeError) throw error;
    // The other providers are played all the same; the run ends with this sentence.
    row.problem = error instanceof Error ? error.message : String(error);
  }
  return row;
}

/** Connects by what the sandbox accepts, which Aurora proves by a probe, and gives the connection's id. */
async function connect(stage: Stage, { aurora, session }: Person, provider: string): Promise<string> {
  const body = stage.credentials[provider] as Readonly<Record<string, unknown>> | undefined;
  if (body === undefined) throw new Error("The sandbox plays no such provider.");
  const path = `/api/v1/providers/${provider}`;
  if (body["consent"] !== true) {
    return readText(requireSuccess(await aurora.quietly("POST", `${path}/connect`, body), 201, "connecting"), "id");
  }
  const options = CONSENT_OPTIONS[provider];
  const wish = { return_to: "/", ...(options && { options }) };
  const link = requireSuccess(await aurora.quietly("POST", `${path}/authorize`, wish), 200, "beginning the consent");
  return approveConsent({ loginUrl: readText(link, "login_url"), worker: stage.worker, session }, () => {});
}

async function readFieldNames(aurora: Talk, connection: string): Promise<string> {
  const reply = await aurora.quietly("GET", `/api/v1/connections/${connection}/token`);
  const names = Object.keys(requireSuccess(reply, 200, "reading the token").body["token_data"] ?? {});
  if (names.length === 0) throw new Error("The token has no fields.");
  return names.join(", ");
}

/** By force; a static credential of a provider that renews others stays as it is. */
async function refresh(aurora: Talk, connection: string): Promise<string> {
  const reply = await aurora.quietly("POST", `/api/v1/connections/${connection}/refresh`, { force: true });
  return requireSuccess(reply, 200, "refreshing").body["refreshed"] === true ? "yes" : NOTHING;
}

async function disconnect(stage: Stage, aurora: Talk, provider: string, connection: string): Promise<string> {
  const before = await countRevocations(stage.sandbox, provider);
  const path = `/api/v1/connections/${connection}`;
  requireSuccess(await aurora.quietly("DELETE", path), 204, "disconnecting");
  requireSuccess(await aurora.quietly("GET", `${path}/token`), 404, "reading the token after the disconnect");
  return (await countRevocations(stage.sandbox, provider)) > before ? "yes" : NOTHING;
}

async function countRevocations(sandbox: Talk, provider: string): Promise<number> {
  const { body } = expectStatus(await sandbox.quietly("GET", `/_calls?provider=${provider}`), 200);
  const calls = Array.isArray(body["calls"]) ? (body["calls"] as readonly Record<string, unknown>[]) : [];
  return calls.filter((call) => call["endpoint"] === "revoke").length;
}

/** @throws Error that says what was done and, when Aurora refused it, the refusal, which is safe to show. */
function requireSuccess(reply: Reply, status: number, deed: string): Reply {
  if (reply.status === status) return reply;
  const refusal = typeof reply.body["error"] === "string" ? ` (${reply.body["error"]})` : "";
  throw new Error(`${deed} answered ${reply.status}, not ${status}${refusal}.`);
}

function formatTable(rows: readonly Row[]): string {
  const cells = ({ provider, kind, probe, refresh, revocation, token }: Row) => {
    return [provider, kind, probe, refresh, revocation, token];
  };
  const lines = [HEADINGS, ...rows.map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
