import { z } from "zod";
import { createSecret } from "../domain/secret.ts";

/** Letters, digits and underscores: the id is part of secret names, where a hyphen separates. */
const PROVIDER_ID = /^[a-z][a-z0-9_]{1,30}$/;

/** Plain http is for servers on this machine; outside development the sender refuses to call it. */
const webUrl = z.url({ protocol: /^https?$/ });

/** `CUSTOM_PROVIDERS`: any OAuth 2.0 server, added without code. */
export const customProviderSettings = z.array(
  z
    .strictObject({
      id: z.string().regex(PROVIDER_ID),
      name: z.string().min(1).max(100),
      issuer: webUrl.optional(),
      authorization_endpoint: webUrl.optional(),
      token_endpoint: webUrl,
      revocation_endpoint: webUrl.optional(),
      client_id: z.string().min(1),
      client_secret: z
        .string()
        .min(1)
        .transform(createSecret<string>),
      scopes: z.array(z.string().min(1)).default([]),
      token_endpoint_auth_method: z.enum(["client_secret_basic", "client_secret_post"]).default("client_secret_basic"),
    })
    .refine((entry) => entry.authorization_endpoint !== undefined || entry.issuer !== undefined, {
      message: "needs an authorization_endpoint or an issuer",
    }),
);

export type CustomProviderSettings = Readonly<z.infer<typeof customProviderSettings>[number]>;
