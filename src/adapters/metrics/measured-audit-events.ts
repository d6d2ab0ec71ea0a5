import type { AuditEventStore } from "../../domain/audit-chain.ts";
import type { Metrics } from "../../domain/ports/metrics.ts";

/** The same store, with what arrives in it counted, and what does not. */
export function measureAuditEvents(store: AuditEventStore, metrics: Pick<Metrics, "count">): AuditEventStore {
  return {
    ...store,
    insert: async (chain, events) => {
      try {
        const taken = await store.insert(chain, events);
        metrics.count("aurora_audit_events_total", { stage: "stored" }, events.length - taken.length);
        if (taken.length > 0) metrics.count("aurora_audit_flush_failures_total", {});
        return taken;
      } catch (error) {
        metrics.count("aurora_audit_flush_failures_total", {});
        throw error;
      }
    },
  };
}
