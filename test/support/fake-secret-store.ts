import { AppError } from "../../src/domain/errors.ts";
import type { JsonObject } from "../../src/domain/json.ts";
import type { SecretStore, SecretVersion, StoredSecret } from "../../src/domain/ports/secret-store.ts";
import type { SecretPlace } from "../../src/domain/secret-ref.ts";

interface FakeVersion {
  readonly data: JsonObject;
  readonly createdAt: string;
  readonly readable: boolean;
}

interface FakeSecret {
  readonly versions: Map<number, FakeVersion>;
  newest: number;
  labels: Readonly<Record<string, string>>;
}

/** The port in memory, with what a test does behind the port's back. */
export interface FakeSecretStore extends SecretStore {
  /** From now on every call throws `vault_unavailable`, or no longer. */
  setDown(isDown: boolean): void;
  /** Deletes the newest version as another client of the same Vault could; it still counts. */
  deleteNewest(place: SecretPlace): Promise<void>;
  labelsOf(place: SecretPlace): Readonly<Record<string, string>>;
  /** Whether the policy lets us list; it does at first. */
  setMayList(allowed: boolean): void;
  /** Every secret, `{mount}/{path}`. */
  paths(): readonly string[];
}

/** As Vault does unless told otherwise. */
const MAX_VERSIONS = 10;

/** An empty store. @param now RFC 3339; what `createdAt` says. */
export function createFakeSecretStore(now: () => string = () => "2026-11-22T10:00:00Z"): FakeSecretStore {
  const secrets = new Map<string, FakeSecret>();
  let down = false;
  let mayList = true;
  const keyOf = ({ mount, path }: SecretPlace) => `${mount}/${path}`;

  function find(place: SecretPlace): FakeSecret | undefined {
    if (down) throw new AppError("vault_unavailable", "The secret store is down.");
    return secrets.get(keyOf(place));
  }

  function open(place: SecretPlace): FakeSecret {
    const secret = find(place) ?? { versions: new Map<number, FakeVersion>(), newest: 0, labels: {} };
    secrets.set(keyOf(place), secret);
    return secret;
  }

  return {
    read: async (place) => readFrom(find(place), find(place)?.newest ?? 0),
    readVersion: async (place, version) => readFrom(find(place), version),
    readNewestVersion: async (place) => find(place)?.newest ?? 0,
    listVersions: async (place) => listFrom(find(place)),
    write: async (place, data, cas) => ((find(place)?.newest ?? 0) === cas ? append(open(place), data, now()) : null),
    label: async (place, labels) => {
      open(place).labels = { ...labels };
    },
    erase: async (place) => {
      find(place);
      secrets.delete(keyOf(place));
    },
    list: async ({ mount, path }) => {
      find({ mount, path });
      const below = [...secrets.keys()].filter((key) => key.startsWith(`${mount}/${path}/`));
      const names = below.map((key) => key.slice(`${mount}/${path}/`.length).replace(/\/.*$/s, "/"));
      return mayList ? [...new Set(names)] : null;
    },
    setMayList: (allowed) => {
      mayList = allowed;
    },
    check: async () => void find({ mount: "", path: "" }),
    setDown: (isDown) => {
      down = isDown;
    },
    deleteNewest: async (place) => hideNewest(open(place)),
    labelsOf: (place) => secrets.get(keyOf(place))?.labels ?? {},
    paths: () => [...secrets.keys()],
  };
}

function readFrom(secret: FakeSecret | undefined, version: number): StoredSecret | null {
  const found = secret?.versions.get(version);
  // Copied, so that no test can change what is stored through what it read.
  return found?.readable ? { data: structuredClone(found.data), version } : null;
}

function listFrom(secret: FakeSecret | undefined): readonly SecretVersion[] {
  const versions = [...(secret?.versions ?? [])];
  return versions.map(([version, { createdAt, readable }]) => ({ version, createdAt, readable }));
}

function append(secret: FakeSecret, data: JsonObject, createdAt: string): number {
  secret.newest += 1;
  // Through JSON, as the real one: what JSON cannot say is lost here too.
  secret.versions.set(secret.newest, { data: JSON.parse(JSON.stringify(data)), createdAt, readable: true });
  secret.versions.delete(secret.newest - MAX_VERSIONS);
  return secret.newest;
}

function hideNewest(secret: FakeSecret): void {
  const found = secret.versions.get(secret.newest);
  if (found) secret.versions.set(secret.newest, { ...found, readable: false });
}
