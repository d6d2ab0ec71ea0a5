import type { KeeperRecord, KeeperState } from "../../src/services/keeper/keeper-state.ts";

/** The object's storage in memory: it outlives the object. */
export interface FakeKeeperState extends KeeperState {
  /** When it wakes, in milliseconds; null = no alarm is set. A test may lose it. */
  alarmAtMs: number | null;
  /** Called after each write, with what was written. */
  onWrite: (record: KeeperRecord) => void;
}

export function createFakeKeeperState(): FakeKeeperState {
  let text: string | null = null;
  const state: FakeKeeperState = {
    alarmAtMs: null,
    onWrite: () => undefined,
    // Through JSON, as the real one.
    read: () => (text === null ? null : (JSON.parse(text) as KeeperRecord)),
    write(record) {
      text = JSON.stringify(record);
      state.onWrite(record);
    },
    clear() {
      text = null;
      state.alarmAtMs = null;
    },
    wakeAt(atMs) {
      state.alarmAtMs = atMs;
    },
  };
  return state;
}
