import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { approveConsent } from "./approve-consent.ts";
import { playKubectlAgent } from "./kubectl-agent.ts";
import { expectStatus, readText } from "./replies.ts";
import { beginRow, formatTable, NOTHING, type Row } from "./table.ts";
import { createTalk, type Reply, type Talk } from "./talk.ts";

type Print = (line: string) => void;

/** A person may connect and refresh by force ten times a minute together; four providers are eight of them. */
const PROVIDERS_PER_PERSON = 4;
/** Limits count over a minute: whoever was refused and has waited that long is let in. */
const LIMIT_WINDOW_MS = 61_000;
/** What the consent of a provider has to be told. */
const CONSENT_OPTIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = { ovh: { endpoint: "ovh-eu" } };

interface Card {
  readonly id: string;
  /** What `connect` takes, or that there is a consent. */
  readonly credential: Readonly<Record<string, unknown>>;
  /** How it is connected, where there is more than one way. */
  readonly way: string;
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
  readonly print: Print;
}

/**
 * Takes every provider through its life at a running stack, and prints a table of it.
 *
 * @throws Error in one sentence that names the providers that failed; the others were played all the same.
 */
export async function playAllProviders(endpoints: { worker: string; sandbox: string }, print: Print): Promise<void> {
  const sandbox = createTalk("sandbox", endpoints.sandbox, () => {});
  const stage = { worker: endpoints.worker, sandbox, print };
  let person = await registerPerson(stage);
  const cards = await listCards(stage, person);
  const rows: Row[] = [];
  for (const [index, card] of cards.entries()) {
    if (index > 0 && index % PROVIDERS_PER_PERSON === 0) person = await registerPerson(stage);
    print(`${index + 1}/${cards.length} ${card.id}${card.way}`);
    rows.push(await playProvider(stage, person, card));
  }
  rows.push(await playKubectlAgent(stage.worker, person.aurora));
  print(`\n${formatTable(rows)}\n`);
  const problems = rows.flatMap(({ provider, problem }) => (problem === null ? [] : [`${provider}: ${problem}`]));
  if (problems.length > 0) throw new Error(`Not every provider works. ${problems.join(" ")}`);
  const ids = new Set(rows.map(({ provider }) => provider.split(" ")[0]));
  print(`All ${ids.size} work, in ${rows.length} ways. ${await judgeCalls(sandbox)}`);
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

/** Every provider, and every one that takes a key beside its consent once more. */
async function listCards({ sandbox }: Stage, { aurora }: Person): Promise<readonly Card[]> {
  const [good, keys] = await Promise.all(
    ["/_credentials", "/_credentials?keys"].map(
      async (path) => expectStatus(await sandbox.quietly("GET", path), 200).body,
    ),
  );
  const { body } = expectStatus(await aurora.quietly("GET", "/api/v1/providers"), 200);
  if (!Array.isArray(body["providers"]) || body["providers"].length === 0) throw new Error("Aurora lists no provider.");
  return (body["providers"] as readonly Omit<Card, "credential" | "way">[]).flatMap((provider) => {
    const [credential, key] = [good?.[provider.id], keys?.[provider.id]] as (Card["credential"] | undefined)[];
    if (credential === undefined) throw new Error(`The sandbox does not play ${provider.id}.`);
    const way = key === undefined ? "" : " by consent";
    return [
      { ...provider, credential, way },
      ...(key === undefined ? [] : [{ ...provider, credential: key, kind: "key", way: " by key" }]),
    ];
  });
}

async function playProvider(stage: Stage, person: Person, card: Card): Promise<Row> {
  const row = beginRow(`${card.id}${card.way}`, card.kind);
  try {
    const connection = await connect(stage, person, card);
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
async function connect(stage: Stage, { aurora, session }: Person, { id: provider, credential }: Card): Promise<string> {
  const path = `/api/v1/providers/${provider}`;
  if (credential["consent"] !== true) {
    const reply = await aurora.quietly("POST", `${path}/connect`, credential);
    return readText(requireSuccess(reply, 201, "connecting"), "id");
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
  return (await listCalls(sandbox, `?provider=${provider}`)).filter((call) => call["endpoint"] === "revoke").length;
}

async function listCalls(sandbox: Talk, query = ""): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { body } = expectStatus(await sandbox.quietly("GET", `/_calls${query}`), 200);
  return Array.isArray(body["calls"]) ? body["calls"] : [];
}

/** The sandbox plays the calls the vendors document and no other: any other is one of nobody's. */
async function judgeCalls(sandbox: Talk): Promise<string> {
  const calls = await listCalls(sandbox);
  const unknown = calls.filter(({ provider, endpoint }) => provider === "unknown" || endpoint === null);
  const [first] = unknown;
  if (first === undefined) return `The providers saw ${calls.length} calls, each of them documented.`;
  const { method, host, path } = first;
  throw new Error(`${unknown.length} calls are not documented: ${method} ${host}${path} …`);
}

/** @throws Error that says what was done and, when Aurora refused it, the refusal, which is safe to show. */
function requireSuccess(reply: Reply, status: number, deed: string): Reply {
  if (reply.status === status) return reply;
  const refusal = typeof reply.body["error"] === "string" ? ` (${reply.body["error"]})` : "";
  throw new Error(`${deed} answered ${reply.status}, not ${status}${refusal}.`);
}
