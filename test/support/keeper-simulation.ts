import { AppError, isAppError } from "../../src/domain/errors.ts";
import type { Behaviour } from "./fake-provider.ts";
import { START_SECONDS } from "./fake-time.ts";
import { createKeeperWorld, type KeeperWorld } from "./keeper-world.ts";

/** One run: what happened, and what of it must never happen. */
export interface SimulatedRun {
  readonly events: readonly string[];
  readonly violations: readonly string[];
}

const ALLOWED_REFUSALS = [
  "reauth_required",
  "provider_unavailable",
  "provider_rejected",
  "vault_unavailable",
  "database_unavailable",
];
const DEATHS = [
  ...["secrets.read", "secrets.write", "secrets.readNewestVersion", "secrets.erase", "provider.refresh", "cache.write"],
  ...["connections.recordSecret", "connections.recordFailure", "connections.disconnect", "audit.recordOnce"],
];
const PASSES = [1, 3, 10, 61, 70, 300, 1200, 3300, 3600];

/** A few dozen random events, then peace; the same seed gives the same run. */
export async function simulate(seed: number, length: number): Promise<SimulatedRun> {
  const random = createRandom(seed);
  const world = createKeeperWorld({ random: random.bytes });
  const run = createRun(world, random);
  await world.connect();
  for (let count = 0; count < length; count += 1) {
    await run.step();
    await run.check();
  }
  await run.makePeace();
  await run.checkEnd();
  return run;
}

type Random = ReturnType<typeof createRandom>;

function createRun(world: KeeperWorld, random: Random) {
  const events: string[] = [];
  const violations: string[] = [];
  const held: (() => void)[] = [];
  const isDown = { secrets: false, connections: false };
  let disconnect: "none" | "asked" | "erased" = "none";
  let newestRank = 0;
  const note = (what: string) => violations.push(`${what} (after event ${events.length})`);

  /** The newest consent first, then the newest token of it. */
  const rankOf = (token: unknown) =>
    world.server.consentOf(token) * 1_000_000 + Number(String(token).split("-")[1] ?? 0);

  function ask(force: boolean): void {
    const mustBe = newestRank;
    const wasDisconnected = disconnect !== "none";
    world.call(force).then(
      ({ credential }) => {
        if (wasDisconnected) note("a credential was served after a disconnect");
        if (rankOf(credential.tokenData["access_token"]) < mustBe)
          note("an older token than the stored one was served");
        if ((credential.expiresAt ?? Infinity) <= world.time.now()) note("an expired token was served");
      },
      (error: unknown) => {
        const code = isAppError(error) ? error.code : String(error);
        const mayBeGone = code === "not_found" && disconnect !== "none";
        if (!mayBeGone && !ALLOWED_REFUSALS.includes(code)) note(`a caller was refused with ${code}`);
      },
    );
  }

  function disconnectNow(): void {
    disconnect = disconnect === "none" ? "asked" : disconnect;
    world.erase().then(
      (outcome) => {
        if (outcome === "erased") disconnect = "erased";
      },
      () => undefined,
    );
  }

  function toggle(what: "secrets" | "connections"): void {
    isDown[what] = !isDown[what];
    world[what].setDown(isDown[what]);
  }

  /** No store takes longer than ten seconds to answer: its adapter gives up before. */
  async function pass(advance: (seconds: number) => Promise<void>): Promise<void> {
    const seconds = random.pick(PASSES);
    if (seconds > 10) letGo();
    await advance(seconds);
  }

  function letGo(): void {
    for (const go of held.splice(0)) go();
  }

  const happenings: readonly (readonly [weight: number, name: string, act: () => unknown])[] = [
    [14, "call", () => ask(false)],
    [10, "forced call", () => ask(true)],
    [4, "crowd", () => Array.from({ length: 5 }, () => ask(random.below(4) === 0))],
    [18, "time with alarms", () => pass(world.advance)],
    [4, "time without alarms", () => pass(world.pass)],
    [12, "provider", () => world.server.behaviours.push(pickBehaviour(random))],
    [4, "revocation", () => world.server.revocationBehaviours.push(pickBehaviour(random))],
    [5, "secret store", () => toggle("secrets")],
    [5, "postgres", () => toggle("connections")],
    [4, "crash", () => world.crash()],
    [4, "crash to come", () => Object.assign(world.lives, { dieAfter: random.pick(DEATHS) })],
    [9, "hold", () => held.push(world.lives.hold(random.pick(["secrets.write", "secrets.read"])))],
    [5, "let go", letGo],
    [2, "lost answer", () => world.lives.losing.set("secrets.write", new AppError("vault_unavailable", "lost"))],
    [5, "alarm", () => void world.wake().catch((error: unknown) => world.bugs.push(error))],
    [2, "nudge", () => void world.nudge().catch(() => undefined)],
    [9, "reconnect", () => void world.store().catch(() => undefined)],
    [1, "disconnect", disconnectNow],
  ];
  const chances = happenings.flatMap((happening) => Array.from({ length: happening[0] }, () => happening));

  return {
    events,
    violations,
    async step() {
      const [, name, act] = random.pick(chances);
      events.push(`${world.time.now() - START_SECONDS}s ${name}`);
      await act();
      await world.time.flush();
    },
    async check() {
      const record = world.record();
      const owes = record.escrow !== null || record.dueAt !== null || record.untold !== null || record.intent !== null;
      const isTelling = (record.unrecorded ?? []).length > 0;
      const { erasure } = record;
      const isErasing = erasure !== null && (!erasure.secretGone || erasure.unrevoked !== null);
      if ((isErasing || isTelling || (erasure === null && owes)) && world.state.alarmAtMs === null)
        note("no alarm is set");
      if (world.server.maxInFlight() > 1) note("two refreshes were under way at once");
      if (world.calledDuringEscrow.length > 0) note("the provider was called while an escrow waited");
      if (disconnect === "erased" && world.secrets.paths().length > 0) note("a secret came back after a disconnect");
      const stored = await readBehind(world, isDown.secrets);
      if (stored === null) return;
      const rank = rankOf(stored["refresh_token"]);
      if (rank < newestRank) note("an older secret took the place of a newer one");
      newestRank = Math.max(newestRank, rank);
    },
    async makePeace() {
      world.server.behaviours.length = 0;
      world.server.revocationBehaviours.length = 0;
      world.lives.dieAfter = null;
      world.lives.losing.clear();
      letGo();
      world.secrets.setDown(false);
      world.connections.setDown(false);
      for (let hour = 0; hour < 3; hour += 1) await world.advance(3600);
    },
    async checkEnd() {
      await this.check();
      if (world.bugs.length > 0) note(`an alarm threw ${String(world.bugs[0])}`);
      if (world.record().escrow !== null) note("an escrow is left");
      checkTold(world, note);
      if (disconnect !== "none") checkErased(world, note);
      else await checkSettled(world, note);
    },
  };
}

function checkErased(world: KeeperWorld, note: (what: string) => void): void {
  if (world.secrets.paths().length > 0) note("a secret outlived a disconnect");
  if (world.row()?.isActive) note("a row outlived a disconnect");
  if (new Set(world.server.revocations).size < world.server.revocations.length) note("a token was revoked twice");
  if (world.record().erasure?.unrevoked) note("a grant was not ended");
}

/** What reached us is stored: the secret is the newest of the newest consent, or an answer never came and it was said. */
async function checkSettled(world: KeeperWorld, note: (what: string) => void): Promise<void> {
  const stored = (await world.stored()) ?? {};
  const token = String(stored["refresh_token"]);
  const consent = world.server.consentOf(token);
  if (world.server.tokensOf(consent + 1).length > 0) note("the newest consent is not the one stored");
  const current = world.server.currentOf(token);
  const [, ...refreshed] = world.server.tokensOf(consent);
  const isAnswerLost = world.server.isEndedByTheDead(token) || refreshed.some((issued) => !world.delivered.has(issued));
  if (current !== null && current !== token) note("the token that works is not the one stored");
  if (current === null && !isAnswerLost) note("a grant died though every answer reached us");
  const row = world.row();
  if (row?.version !== (await world.secrets.readNewestVersion(world.place))) note("the row is behind the secret");
  if (row?.status !== (current === null ? "reauth_required" : "active")) note(`the row says ${row?.status}`);
}

/** Each change of status is in the log once, in order, whenever this life or that one ended. */
function checkTold(world: KeeperWorld, note: (what: string) => void): void {
  let status = "active";
  for (const { action, detail } of world.audit.entries) {
    if (action === "connection.recovered" && detail["from"] !== status) note(`it recovered from ${status} unheard`);
    const next = { "connection.refresh_failed": "degraded", "connection.reauth_required": "reauth_required" } as const;
    const told = action === "connection.recovered" ? "active" : (next[action as keyof typeof next] ?? null);
    if (told !== null && told === status) note(`${action} was told twice`);
    status = told ?? status;
  }
  const { erasure, unrecorded = [] } = world.record();
  if (unrecorded.length > 0) note("something was never told");
  const ends = world.actions().filter((action) => action === "connection.disconnected").length;
  if (ends !== (erasure === null ? 0 : 1)) note(`the disconnect was told ${ends} times`);
  if (erasure === null && status !== world.record().status) note(`it is ${world.record().status}, told was ${status}`);
}

/** What the store holds, though it may be down. */
async function readBehind(world: KeeperWorld, isDown: boolean) {
  const stored = await world.stored();
  world.secrets.setDown(isDown);
  return stored;
}

function pickBehaviour(random: Random): Behaviour {
  const kind = random.pick(["ok", "ok", "fail", "fail", "hang", "lose", "reject", "slow", "slow", "busy"] as const);
  if (kind === "slow") return { kind, seconds: random.pick([2, 15, 45]) };
  if (kind === "busy") return { kind, retryAfterSeconds: random.pick([1, 30, 400]) };
  return { kind };
}

/** mulberry32: small, and good enough to shuffle events. */
function createRandom(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    bytes: (count: number) => Uint8Array.from({ length: count }, () => below(256)),
    pick<Item>(items: readonly Item[]): Item {
      const item = items[below(items.length)];
      if (item === undefined) throw new Error("nothing to pick from");
      return item;
    },
  };
}
