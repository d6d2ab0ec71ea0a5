import { renderExposition } from "../../domain/metric-exposition.ts";
import type { Deps } from "../deps.ts";

/** What the whole deployment has counted, as Prometheus reads it. */
export async function readExposition(deps: Pick<Deps, "metricTotals" | "providers">): Promise<string> {
  const totals = await deps.metricTotals.read();
  return renderExposition(
    totals,
    deps.providers.list().map(({ id }) => id),
  );
}
