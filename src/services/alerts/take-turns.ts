/** Frames sent before others have a turn: about two milliseconds' work. */
const SLICE = 100;

/** Counts work done and lets others have a turn, such as whoever wants to record an event, whenever a slice is spent. */
export function createTurns(sleep: (ms: number) => Promise<void>): { spend(frames: number): Promise<void> } {
  let spent = 0;
  return {
    spend: async (frames) => {
      spent += Math.max(frames, 1);
      if (spent < SLICE) return;
      spent = 0;
      await sleep(0);
    },
  };
}
