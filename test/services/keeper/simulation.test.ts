import { expect, test } from "vitest";
import { simulate } from "../../support/keeper-simulation.ts";

const RUNS = 300;
const EVENTS = 40;
/** Another first seed gives other runs; a failure names its own. */
const FIRST_SEED = Number(process.env["SIMULATION_SEED"] ?? 1);

test("no sequence of calls, failures, crashes, reconnects and disconnects breaks a promise", async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed += 1) {
    const { events, violations } = await simulate(seed, EVENTS);
    expect(violations, `seed ${seed}:\n${events.join("\n")}`).toEqual([]);
  }
}, 30_000);
