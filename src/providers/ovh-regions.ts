/** OVHcloud's three regions: separate accounts, hosts and client registrations. */
export const ENDPOINTS = ["ovh-eu", "ovh-ca", "ovh-us"] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

interface Region {
  /** Serves `/auth/oauth2/authorize` and `/auth/oauth2/token`. */
  readonly authHost: string;
  /** Serves `/1.0`. */
  readonly apiHost: string;
  /** The operator's client there: id, secret. */
  readonly settings: readonly [string, string];
}

/** @see https://github.com/ovh/go-ovh (token URLs and endpoints by region) */
export const OVH_REGIONS: Readonly<Record<Endpoint, Region>> = {
  "ovh-eu": {
    authHost: "www.ovh.com",
    apiHost: "eu.api.ovh.com",
    settings: ["OVH_EU_CLIENT_ID", "OVH_EU_CLIENT_SECRET"],
  },
  "ovh-ca": {
    authHost: "ca.ovh.com",
    apiHost: "ca.api.ovh.com",
    settings: ["OVH_CA_CLIENT_ID", "OVH_CA_CLIENT_SECRET"],
  },
  "ovh-us": {
    authHost: "us.ovhcloud.com",
    apiHost: "api.us.ovhcloud.com",
    settings: ["OVH_US_CLIENT_ID", "OVH_US_CLIENT_SECRET"],
  },
};
