import type { Abnormality, Reads, UsageMemory, UsageThresholds } from "../../domain/usage.ts";

const HOUR_MS = 3_600_000;
const HABIT_HOURS = 7 * 24;
/** Somebody known for less has no habit yet. */
const LEARNING_HOURS = 24;
const MINUTE_MS = 60_000;

/** Notes reads of credentials and says what is out of the ordinary about them: each kind at most once. */
export function findAbnormalReads(
  memory: UsageMemory,
  thresholds: UsageThresholds,
  read: Reads,
): readonly Abnormality[] {
  const hour = Math.floor(read.atMs / HOUR_MS);
  const reads = memory.addReads(read.who, hour, read.times);
  const busiest = memory.busiestHour(read.who, hour - HABIT_HOURS, hour);
  const firstHour = memory.firstReadHour(read.who) ?? hour;
  const aboveHabit = hour - firstHour < LEARNING_HOURS ? null : judgeHour(thresholds, reads, busiest);
  return [aboveHabit, judgeRole(memory, thresholds, read, busiest)].filter((found) => found !== null);
}

function judgeHour({ readsFactor, readsMinimum }: UsageThresholds, reads: number, busiest: number): Abnormality | null {
  const threshold = Math.max(readsMinimum, readsFactor * busiest);
  if (reads <= threshold) return null;
  return { kind: "reads_above_habit", numbers: { reads_this_hour: reads, busiest_hour_of_week: busiest, threshold } };
}

/** Reads soon after a change of role, which a taken-over admin's account makes before it reads everything. */
function judgeRole(
  memory: UsageMemory,
  { readsAfterRoleChange, roleChangeMinutes }: UsageThresholds,
  read: Reads,
  busiest: number,
): Abnormality | null {
  const changed = memory.addReadsSinceRole(read.as, read.atMs - roleChangeMinutes * MINUTE_MS, read.times);
  const threshold = Math.max(readsAfterRoleChange, busiest);
  if (changed === null || changed.reads <= threshold) return null;
  const secondsSince = Math.round((read.atMs - changed.atMs) / 1000);
  const { reads, role } = changed;
  return { kind: "reads_after_role_change", numbers: { reads, seconds_since_change: secondsSince, role, threshold } };
}
