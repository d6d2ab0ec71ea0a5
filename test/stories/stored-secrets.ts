import { send } from "./person.ts";

/** A secret store that speaks Vault's API, and a token that may read everything in it. */
export interface SecretStore {
  readonly vault: string;
  readonly vault_token: string;
}

/** The newest version of a secret, as it lies in the store. */
export interface StoredSecret {
  readonly name: string;
  readonly version: number;
  readonly secret: Readonly<Record<string, unknown>>;
}

const MOUNT = "/v1/aurora";
const FOLDER = "users";

/** Every secret there is, or those of one owner, by name. */
export async function readStoredSecrets(store: SecretStore, owner = ""): Promise<readonly StoredSecret[]> {
  const { status, body } = await readVault(store, `metadata/${FOLDER}?list=true`);
  // Vault answers 404 to an empty folder.
  if (status !== 200 && status !== 404) throw new Error(`the secret store answered ${status}`);
  const names: readonly string[] = body.data?.keys ?? [];
  return await Promise.all(names.filter((name) => name.includes(owner)).map((name) => readSecret(store, name)));
}

async function readSecret(store: SecretStore, name: string): Promise<StoredSecret> {
  const { status, body } = await readVault(store, `data/${FOLDER}/${name}`);
  if (status !== 200) throw new Error(`the secret store answered ${status} for ${name}`);
  const { data, metadata } = body.data;
  return { name, version: metadata.version, secret: JSON.parse(data.value) };
}

function readVault({ vault, vault_token: token }: SecretStore, path: string) {
  return send(`${vault}${MOUNT}/${path}`, "GET", undefined, { "x-vault-token": token });
}
