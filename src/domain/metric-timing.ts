/** How some work ended: the time it took, and what it threw; null = it succeeded. */
export interface Timing {
  readonly seconds: number;
  readonly error: unknown;
}

/** Does the work and tells how it ended; answers and throws what the work does. @param nowMs Milliseconds since 1970. */
export async function timeWork<Result>(
  nowMs: () => number,
  work: () => Promise<Result>,
  tell: (timing: Timing) => void,
): Promise<Result> {
  const startedMs = nowMs();
  const secondsSince = () => Math.max(nowMs() - startedMs, 0) / 1000;
  try {
    const result = await work();
    tell({ seconds: secondsSince(), error: null });
    return result;
  } catch (error) {
    tell({ seconds: secondsSince(), error });
    throw error;
  }
}
