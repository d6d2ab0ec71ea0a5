import { expect } from "vitest";
import type { Row } from "./contract-row.ts";
import { FLOW_ROWS } from "./flow-rows.ts";
import { KEY_ROWS } from "./key-rows.ts";

const GUID = "00000000-0000-4000-8000-000000000000";
const ACCOUNT = "arn:aws:iam::222233334444";

/** Providers that are connected by a principal of their own, and consents that need nothing more. */
const PRINCIPAL_ROWS: readonly Row[] = [
  {
    id: "aws",
    calls: ["POST sts.amazonaws.com/ 200", "POST sts.amazonaws.com/ 403"],
    endpoints: ["token"],
    wrong: {
      "a role that is not there": { role_arn: "arn:aws:iam::999999999999:role/Nobody" },
      "a role that never opens": { role_arn: `${ACCOUNT}:role/Denied` },
      "a role that asks for no external id": { role_arn: `${ACCOUNT}:role/NoExternalId` },
      "a read-only role that never opens": { read_only_role_arn: `${ACCOUNT}:role/Denied` },
    },
    malformed: {
      "an external id of the client's": { external_id: GUID },
      "a user for a role": { role_arn: `${ACCOUNT}:user/me` },
      "every role": { role_arn: `${ACCOUNT}:role/*` },
      "a role of no partition": { role_arn: "arn:aws-mars:iam::222233334444:role/x" },
      "no role": { role_arn: undefined },
      "a region of nobody's": { region: "mars-east-1" },
      "a region of another partition": { region: "cn-north-1" },
      "a host for a region": { region: "evil.example/" },
      "a read-only role of another account": { read_only_role_arn: "arn:aws:iam::333344445555:role/x" },
    },
    powerless: { kept: true, says: /denied the role/ },
    account: /^\d{12}$/,
    refreshCalls: ["POST sts.amazonaws.com/ 200"],
  },
  {
    id: "azure",
    calls: [
      expect.stringMatching(/^POST login\.microsoftonline\.com\/[0-9a-f-]{36}\/oauth2\/v2\.0\/token 200$/),
      "GET management.azure.com/subscriptions 200",
    ],
    endpoints: ["token", "api"],
    wrong: {
      "a wrong secret": { client_secret: "Q~not-the-one" },
      "an unknown application": { client_id: GUID },
      "an unknown tenant": { tenant_id: GUID },
      "a subscription it does not see": { subscription_id: GUID },
      "a disabled subscription": { subscription_id: "7c3f9eb2-5040-41a6-88e7-2db0af918c73" },
    },
    malformed: {
      "a domain for a tenant": { tenant_id: "contoso.onmicrosoft.com" },
      "the common tenant": { tenant_id: "common" },
      "a path for a tenant": { tenant_id: "../../evil" },
      "a path behind a tenant": { tenant_id: `${GUID}/../x` },
      "a client that is no GUID": { client_id: "me" },
      "an empty secret": { client_secret: "" },
      "a secret with a line end": { client_secret: "a\nb" },
      "a subscription that is no GUID": { subscription_id: "sub" },
      "an end of the secret without a time": { client_secret_expires_at: "2027-01-31" },
      "an end of the secret that is no date": { client_secret_expires_at: "next year" },
      "a field nobody knows": { scope: "x" },
    },
    powerless: { kept: true, says: /no enabled subscription.*role/ },
    account: /^[0-9a-f-]{36}$/,
    refreshCalls: [expect.stringMatching(/^POST login\.microsoftonline\.com\/.* 200$/)],
  },
  {
    id: "demo",
    calls: ["POST demo-idp.example/token 200"],
    endpoints: ["token"],
    wrong: {},
    malformed: {},
    powerless: { never: "nothing standard is asked with the token: what was granted is the connection's scopes" },
    account: "",
    refreshCalls: ["POST demo-idp.example/token 200"],
  },
  {
    id: "gcp",
    calls: ["POST oauth2.googleapis.com/token 200", "GET openidconnect.googleapis.com/v1/userinfo 200"],
    endpoints: ["token", "api"],
    wrong: {},
    malformed: {},
    powerless: { asking: ["https://www.googleapis.com/auth/cloud-platform"], says: /email|credential/ },
    account: "demo@example.com",
    refreshCalls: ["POST oauth2.googleapis.com/token 200"],
  },
];

/** One line for each provider and each of its ways of connecting. */
export const ROWS: readonly Row[] = [...PRINCIPAL_ROWS, ...FLOW_ROWS, ...KEY_ROWS];
