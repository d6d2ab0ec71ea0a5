import { z } from "zod";
import type { SecretData } from "../domain/token-data.ts";
import type { Registration } from "./registration.ts";

/** OVHcloud's three regions: separate accounts, hosts and client registrations. */
export const ENDPOINTS = ["ovh-eu", "ovh-ca", "ovh-us"] as const;
type Endpoint = (typeof ENDPOINTS)[number];
export const endpoint = z.enum(ENDPOINTS);

/** @see https://github.com/ovh/go-ovh (token URLs and endpoints by region) */
export const OVH_REGIONS = {
  "ovh-eu": describe("ovh-eu", "OVH_EU", "www.ovh.com", "eu.api.ovh.com"),
  "ovh-ca": describe("ovh-ca", "OVH_CA", "ca.ovh.com", "ca.api.ovh.com"),
  "ovh-us": describe("ovh-us", "OVH_US", "us.ovhcloud.com", "api.us.ovhcloud.com"),
} as const satisfies Readonly<Record<Endpoint, unknown>>;

/** The region in a consent's choice or a stored secret; Europe where none is named, as in the seed's oldest secrets. */
export function regionOf(chosen: SecretData): ReturnType<typeof describe> {
  return OVH_REGIONS[endpoint.catch("ovh-eu").parse(chosen["endpoint"])];
}

/** @param prefix Of the operator's settings there. */
function describe(name: Endpoint, prefix: string, authHost: string, apiHost: string) {
  const client = [`${prefix}_CLIENT_ID`, `${prefix}_CLIENT_SECRET`] as const;
  const registration: Registration = {
    client,
    clientAuth: "client_secret_post",
    authorizationEndpoint: `https://${authHost}/auth/oauth2/authorize`,
    tokenEndpoint: `https://${authHost}/auth/oauth2/token`,
  };
  /** `apiHost` serves `/1.0`; `client` names the operator's settings there. */
  return { name, apiHost, client, registration };
}
