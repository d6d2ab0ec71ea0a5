import { expect } from "vitest";
import type { Credentials, Row } from "./contract-row.ts";

const GUID = "00000000-0000-4000-8000-000000000000";
/** Addresses of one's own that must never be called, whatever the provider. */
const LOCAL_ADDRESSES = {
  "plain http": { base_url: "http://monitor.example.com" },
  "a loopback address": { base_url: "https://127.0.0.1:8089" },
  "a loopback address in other words": { base_url: "https://[::ffff:7f00:1]" },
  "a number for an address": { base_url: "https://2130706433" },
  "the metadata service": { base_url: "https://169.254.169.254/latest" },
  "a private name": { base_url: "https://monitor.internal" },
  "a name that says its address": { base_url: "https://10.0.0.1.nip.io" },
  "a user name": { base_url: "https://me:secret@monitor.example.com" },
  "a port of another protocol": { base_url: "https://monitor.example.com:25" },
  "a query": { base_url: "https://monitor.example.com/?x=1" },
};
const WORDS = { empty: "", "two words": "a b", "a line end": "a\nb" };
/** What no key looks like. */
export const notWords = (field: string) =>
  Object.fromEntries(Object.entries(WORDS).map(([what, value]) => [`${field}: ${what}`, { [field]: value }]));
/** What a strict body does not take. */
export const UNKNOWN_FIELD = { "a field nobody knows": { colour: "red" } };

/** The key file with something else in it. */
const withKeyFile =
  (change: Readonly<Record<string, unknown>>) =>
  (given: Credentials): Credentials => ({
    service_account_json: JSON.stringify({ ...JSON.parse(given["service_account_json"] ?? "{}"), ...change }),
  });
const keyFileOf = (change: Readonly<Record<string, unknown>>) => ({
  service_account_json: JSON.stringify({
    ...{ type: "service_account", project_id: "p", client_email: "a@p.iam.gserviceaccount.com" },
    ...{ private_key: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" },
    ...{ token_uri: "https://oauth2.googleapis.com/token", ...change },
  }),
});

/** The providers that are connected by a key, and by logging in with one. */
export const KEY_ROWS: readonly Row[] = [
  {
    id: "coroot",
    calls: ["POST coroot.demo.example/api/login 200", "GET coroot.demo.example/api/user 200"],
    endpoints: ["token", "api"],
    wrong: { "a wrong password": { password: "guessed" }, "an unknown user": { email: "nobody@example.com" } },
    malformed: { ...LOCAL_ADDRESSES, ...UNKNOWN_FIELD, "no password": { password: "" }, "no email": { email: "" } },
    powerless: { kept: true, says: /permission/ },
    account: "coroot.demo.example/demo@example.com",
    refreshCalls: ["POST coroot.demo.example/api/login 200"],
  },
  {
    id: "datadog",
    calls: ["GET api.datadoghq.com/api/v1/validate 200", "GET api.datadoghq.com/api/v2/current_user 200"],
    endpoints: ["api"],
    wrong: {
      "a wrong API key": { api_key: "0123456789abcdef0123456789abcdef" },
      "a wrong application key": { app_key: "0123456789abcdef0123456789abcdef01234567" },
      "the keys of another site": { site: "eu" },
    },
    malformed: {
      ...notWords("api_key"),
      ...notWords("app_key"),
      ...UNKNOWN_FIELD,
      "a site of nobody's": { site: "datadoghq.example" },
      "a site that is an address": { site: "https://api.datadoghq.com" },
      "a site that is more than one": { site: "datadoghq.com.evil.example" },
    },
    powerless: { kept: true, says: /not this application key/ },
    account: /^datadoghq\.com\/[0-9a-f-]{36}$/,
    refreshCalls: [],
  },
  {
    id: "gcp",
    by: "key",
    calls: ["POST oauth2.googleapis.com/token 200", "GET cloudresourcemanager.googleapis.com/v1/projects 200"],
    endpoints: ["token", "api"],
    wrong: {
      "a service account that is gone": withKeyFile({ client_email: "gone@sandbox-web.iam.gserviceaccount.com" }),
      "a key that was deleted": withKeyFile({ private_key_id: "0000000000000000000000000000000000000000" }),
    },
    malformed: {
      "no JSON": { service_account_json: "key.json" },
      "a list": { service_account_json: "[]" },
      "a user's credentials": keyFileOf({ type: "authorized_user" }),
      "a token_uri of somebody's": keyFileOf({ token_uri: "https://evil.example/token" }),
      "a token_uri below Google's": keyFileOf({ token_uri: "https://oauth2.googleapis.com/token/../x" }),
      "a token_uri in our network": keyFileOf({ token_uri: "http://169.254.169.254/token" }),
      "no token_uri": keyFileOf({ token_uri: undefined }),
      "an email of somebody's": keyFileOf({ client_email: "me@example.com" }),
      "a key that is none": keyFileOf({ private_key: "secret" }),
      "no project": keyFileOf({ project_id: "" }),
      ...UNKNOWN_FIELD,
    },
    powerless: { kept: true, says: /sees no project/ },
    account: "aurora@sandbox-web.iam.gserviceaccount.com",
    refreshCalls: ["POST oauth2.googleapis.com/token 200"],
  },
  {
    id: "grafana",
    calls: ["GET demo.grafana.net/api/org 200"],
    endpoints: ["api"],
    wrong: { "a wrong token": { service_account_token: "glsa_wrong" } },
    malformed: { ...LOCAL_ADDRESSES, ...notWords("service_account_token"), ...UNKNOWN_FIELD },
    powerless: { kept: true, says: /permission/ },
    account: "demo.grafana.net/1",
    refreshCalls: [],
  },
  {
    id: "netdata",
    calls: ["GET app.netdata.cloud/api/v2/accounts/me 200"],
    endpoints: ["api"],
    wrong: { "a wrong token": { api_token: "not-the-one" } },
    malformed: { ...LOCAL_ADDRESSES, ...notWords("api_token"), ...UNKNOWN_FIELD },
    powerless: { kept: true, says: /permission/ },
    account: "0b6ad1f5-7c8e-4f39-b2d4-90e1a3c5b7d8",
    refreshCalls: [],
  },
  {
    id: "scaleway",
    calls: [
      expect.stringMatching(/^GET api\.scaleway\.com\/iam\/v1alpha1\/api-keys\/SCW[A-Z0-9]{17} 200$/),
      "GET api.scaleway.com/iam/v1alpha1/users/2d9f7a10-5c43-4b8e-a6f1-08e3c7b5d924 200",
      "GET api.scaleway.com/account/v3/projects 200",
    ],
    endpoints: ["api"],
    wrong: {
      "a wrong secret key": { secret_key: GUID },
      "another's access key": { access_key: "SCWAAAAAAAAAAAAAAAAA" },
      "another's organisation": { organization_id: GUID },
      "a project it does not see": { project_id: GUID },
    },
    malformed: {
      "an access key of another vendor": { access_key: "AKIAIOSFODNN7EXAMPLE" },
      "an access key in lower case": { access_key: "scwaaaaaaaaaaaaaaaaa" },
      "an access key with a path": { access_key: "SCWAAAAAAAAAAAAAAAA/../x" },
      "a secret key that is no UUID": { secret_key: "secret" },
      "an organisation that is no UUID": { organization_id: "mine" },
      ...UNKNOWN_FIELD,
    },
    powerless: { kept: true, says: /permission/ },
    account: "8b1e4c62-3d75-4f0a-9c28-61f7e5a0d394",
    refreshCalls: [],
  },
  {
    id: "splunk",
    calls: [
      "GET splunk.demo.example:8089/services/server/info 200",
      "GET splunk.demo.example:8089/services/authentication/current-context 200",
    ],
    endpoints: ["api"],
    wrong: { "a wrong token": { api_token: "not-the-one" } },
    malformed: { ...LOCAL_ADDRESSES, ...notWords("api_token"), ...UNKNOWN_FIELD },
    powerless: { kept: true, says: /permission/ },
    account: "splunk.demo.example:8089/admin",
    refreshCalls: [],
  },
  {
    id: "thousandeyes",
    calls: ["GET api.thousandeyes.com/v7/account-groups 200"],
    endpoints: ["api"],
    wrong: { "a wrong token": { api_token: GUID }, "a group it is not in": { account_group_id: "4242" } },
    malformed: {
      ...notWords("api_token"),
      "a group that is no number": { account_group_id: "1&x=2" },
      ...UNKNOWN_FIELD,
    },
    powerless: { kept: true, says: /permission/ },
    account: "1234",
    refreshCalls: [],
  },
];
