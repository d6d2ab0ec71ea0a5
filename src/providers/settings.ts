import { AppError } from "../domain/errors.ts";
import type { ProviderContext } from "./provider.ts";

/** The operator's setting of that name. @throws `misconfigured` when it is absent: the provider is not configured. */
export function requireSetting(settings: ProviderContext["settings"], name: string): string {
  const value = Object.hasOwn(settings, name) ? settings[name] : undefined;
  if (value === undefined || value === "") throw new AppError("misconfigured", "This provider is not configured.");
  return value;
}
