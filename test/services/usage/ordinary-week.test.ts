import { describe, expect, test } from "vitest";
import { createUsageWorld, HOUR_MS, START_MS, type UsageWorld } from "./usage-world.ts";

const HOURS = 14 * 24;

/** Repeatable chance (mulberry32). */
function createChance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** About `mean` things in an hour, as they come by themselves. */
function drawCount(mean: number, chance: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance());
  return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
}

/** Everybody of a small company, for one hour of a week. */
function liveAnHour(world: UsageWorld, hour: number, chance: () => number): readonly unknown[] {
  const ofDay = hour % 24;
  const ofWeek = hour % 168;
  const isOffice = ofDay >= 8 && ofDay < 18 && ofWeek < 120;
  const alarms: unknown[] = [];
  const read = (who: string, mean: number) => alarms.push(...world.read(who, drawCount(mean, chance)));

  read("key_steady", 900);
  read("key_nightly", ofDay === 2 ? 4000 : 3);
  read("key_daytime", 50 + 600 * Math.max(0, Math.sin(((ofDay - 6) / 12) * Math.PI)));
  for (const person of ["usr_one", "usr_two", "usr_three"]) read(person, isOffice ? 12 : 0.05);
  // An autoscaled service in two zones, a developer at the office, at home and on a train, runners that are nowhere.
  alarms.push(...world.see("key_steady", `198.51.${100 + Math.floor(chance() * 2)}.${Math.floor(chance() * 250)}`));
  alarms.push(...world.see("key_developer", isOffice ? "192.0.2.4" : "203.0.113.8"));
  alarms.push(...world.see("key_runner", `10.${Math.floor(chance() * 250)}.${Math.floor(chance() * 250)}.1`));
  // Monday morning: three accounts are connected again; on Wednesday fifty at once, by one call.
  if (ofWeek === 9) for (let n = 0; n < 3; n += 1) alarms.push(...connect(world, "usr_one", `req_${hour}_${n}`));
  if (ofWeek === 58) for (let n = 0; n < 50; n += 1) alarms.push(...connect(world, "usr_two", `req_${hour}`));
  // On Thursday somebody is made an operator and goes on working.
  if (ofWeek === 82) {
    world.act({ action: "user.updated", who: "usr_one", resource: "usr_three", detail: { role: "operator" } });
    alarms.push(...world.read("usr_three", 8));
  }
  return alarms;
}

function connect(world: UsageWorld, who: string, requestId: string) {
  return world.act({ action: "connection.created", who, requestId });
}

describe.each(Array.from({ length: 6 }, (_, seed) => seed + 1))("two ordinary weeks, drawn with seed %i", (seed) => {
  const chance = createChance(seed);
  const world = createUsageWorld();

  test("raise no alarm from the first hour on", () => {
    for (let hour = 0; hour < HOURS; hour += 1) {
      world.clock.ms = START_MS + hour * HOUR_MS;
      expect(liveAnHour(world, hour, chance), `hour ${hour}`).toEqual([]);
    }
  });

  test("and then a thief is noticed, by each of the signs", () => {
    world.clock.ms = START_MS + HOURS * HOUR_MS;
    expect(world.see("key_steady", "185.220.101.4")).toMatchObject([{ detail: { kind: "new_network" } }]);
    expect(world.read("usr_two", 500)).toMatchObject([{ detail: { kind: "reads_above_habit" } }]);
    const bursts = Array.from({ length: 7 }, (_, n) => connect(world, "usr_two", `req_thief_${n}`)).flat();
    expect(bursts).toMatchObject([{ detail: { kind: "connection_burst" } }]);
    world.act({ action: "user.updated", who: "usr_two", resource: "usr_new", detail: { role: "admin" } });
    expect(world.read("usr_new", 40)).toMatchObject([{ detail: { kind: "reads_after_role_change" } }]);
  });
});
