import { customProvider } from "../../src/providers/custom.ts";
import { customProviderSettings } from "../../src/providers/custom-settings.ts";
import type { Provider } from "../../src/providers/provider.ts";

/** What a token endpoint answers. */
export const TOKENS = { access_token: "at-2", token_type: "bearer", expires_in: 3599, scope: "read" };

/** An OAuth 2.0 server an operator added. */
export function custom(changes: Record<string, unknown> = {}): Provider {
  const entry = {
    ...{ id: "acme", name: "Acme", client_id: "our-id", client_secret: "our secret", scopes: ["read", "write"] },
    ...{
      authorization_endpoint: "https://acme.example/authorize?tenant=7",
      token_endpoint: "https://acme.example/token",
    },
    ...changes,
  };
  const [settings] = customProviderSettings.parse([entry]);
  if (settings === undefined) throw new Error("no entry");
  return customProvider(settings);
}
