import type { LabelsOf } from "../../domain/metric.ts";
import { timeWork } from "../../domain/metric-timing.ts";
import type { Metrics } from "../../domain/ports/metrics.ts";
import type { SecretStore } from "../../domain/ports/secret-store.ts";

type Operation = LabelsOf<"aurora_vault_request_duration_seconds">["operation"];

/** Does work and notes how long the secret store took for it. */
export type TimeVault = <Result>(operation: Operation, work: () => Promise<Result>) => Promise<Result>;

/** @param nowMs Milliseconds since 1970. */
export function createVaultTimer(metrics: Pick<Metrics, "observe">, nowMs: () => number): TimeVault {
  return (operation, work) =>
    timeWork(nowMs, work, ({ seconds, error }) => {
      const outcome = error === null ? "ok" : "failed";
      metrics.observe("aurora_vault_request_duration_seconds", { operation, outcome }, seconds);
    });
}

/** The same store, every call of it timed. */
export function measureSecretStore(store: SecretStore, time: TimeVault): SecretStore {
  return {
    read: (place) => time("read", () => store.read(place)),
    readVersion: (place, version) => time("read", () => store.readVersion(place, version)),
    readNewestVersion: (place) => time("versions", () => store.readNewestVersion(place)),
    listVersions: (place) => time("versions", () => store.listVersions(place)),
    write: (place, data, cas) => time("write", () => store.write(place, data, cas)),
    label: (place, labels) => time("label", () => store.label(place, labels)),
    erase: (place) => time("erase", () => store.erase(place)),
    list: (folder) => time("list", () => store.list(folder)),
    check: () => time("check", () => store.check()),
  };
}
