import { type KeptSecrets, writeSecrets } from "./kept.ts";
import type { StateDirectory } from "./state-directory.ts";

export const DEMO_EMAIL = "demo@aurora.local";

/** From the range for documentation (RFC 5737), so that this registration does not count against the person's own limit. */
const SEED_ADDRESS = "192.0.2.1";
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * Registers the demo user once, through the Worker's own door.
 *
 * @returns Whether it may now sign in; false when registration is closed.
 */
export async function seedDemoUser(address: string, directory: StateDirectory, secrets: KeptSecrets): Promise<boolean> {
  if (secrets.demoUserExists) return true;
  const response = await fetch(`${address}/api/auth/register`, {
    method: "POST",
    headers: { "content-type": "application/json", "cf-connecting-ip": SEED_ADDRESS },
    body: JSON.stringify({
      email: DEMO_EMAIL,
      password: secrets.demoPassword,
      name: "Demo",
      workspace_name: "Demo workspace",
    }),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  }).catch(() => null);
  // 409: an earlier start registered it and was ended before it could note so.
  if (response?.status !== 201 && response?.status !== 409) return false;
  writeSecrets(directory, { ...secrets, demoUserExists: true });
  return true;
}
