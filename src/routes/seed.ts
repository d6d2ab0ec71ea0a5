import { createRouter } from "./router.ts";
import { seedAwsRoutes } from "./seed-aws.ts";
import { seedAzureRoutes } from "./seed-azure.ts";
import { seedBitbucketRoutes } from "./seed-bitbucket.ts";
import { seedGcpRoutes } from "./seed-gcp.ts";
import { seedKeyRoutes } from "./seed-keys.ts";
import { seedOvhRoutes } from "./seed-ovh.ts";
import { seedSlackRoutes } from "./seed-slack.ts";
import { seedTailscaleRoutes } from "./seed-tailscale.ts";

/** The paths of the documents the product comes from: same services, same permissions. */
export const seedRoutes = createRouter()
  .route("/", seedGcpRoutes)
  .route("/", seedAzureRoutes)
  .route("/", seedAwsRoutes)
  .route("/", seedBitbucketRoutes)
  .route("/", seedKeyRoutes)
  .route("/", seedOvhRoutes)
  .route("/", seedSlackRoutes)
  .route("/", seedTailscaleRoutes);
