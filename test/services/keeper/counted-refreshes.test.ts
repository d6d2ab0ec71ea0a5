import { expect, test } from "vitest";
import { createKeeperWorld } from "../../support/keeper-world.ts";

async function refresh(kind: "ok" | "fail" | "reject" | "dead") {
  const world = createKeeperWorld();
  await world.connect();
  await world.pass(3360);
  if (kind === "dead") world.server.revokeAll();
  else world.server.behaviours.push({ kind });
  await world.call(true).catch(() => null);
  return world.metrics;
}

test.each([
  ["ok", "renewed"],
  ["fail", "failed"],
  ["reject", "failed"],
  ["dead", "refused"],
] as const)("a provider's answer (%s) is counted as %s, with the time it took", async (kind, outcome) => {
  const metrics = await refresh(kind);
  expect(metrics.counted("aurora_refreshes_total")).toEqual({ [`rotating ${outcome}`]: 1 });
  expect(metrics.counted("aurora_refresh_duration_seconds")).toEqual({ rotating: 1 });
});

test("however many callers share a refresh, it is counted once", async () => {
  const world = createKeeperWorld();
  await world.connect();
  await world.pass(3360);
  await Promise.all(Array.from({ length: 100 }, () => world.call()));
  expect(world.metrics.counted("aurora_refreshes_total")).toEqual({ "rotating renewed": 1 });
});
