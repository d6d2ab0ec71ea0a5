import type { CreateProvider } from "./provider.ts";
import { createAws } from "./providers/aws.ts";
import { createAzure } from "./providers/azure.ts";
import { createBitbucket } from "./providers/bitbucket.ts";
import { createCoroot } from "./providers/coroot.ts";
import { createDatadog } from "./providers/datadog.ts";
import { createDemo } from "./providers/demo.ts";
import { createGcp } from "./providers/gcp.ts";
import { createGrafana } from "./providers/grafana.ts";
import { createNetdata } from "./providers/netdata.ts";
import { createOvh } from "./providers/ovh.ts";
import { createScaleway } from "./providers/scaleway.ts";
import { createSlack } from "./providers/slack.ts";
import { createSplunk } from "./providers/splunk.ts";
import { createTailscale } from "./providers/tailscale.ts";
import { createThousandeyes } from "./providers/thousandeyes.ts";

/** The one place a provider is registered. Keep in alphabetical order. */
export const PROVIDERS: readonly CreateProvider[] = [
  createAws,
  createAzure,
  createBitbucket,
  createCoroot,
  createDatadog,
  createDemo,
  createGcp,
  createGrafana,
  createNetdata,
  createOvh,
  createScaleway,
  createSlack,
  createSplunk,
  createTailscale,
  createThousandeyes,
];
