import { fileURLToPath } from "node:url";
import { migrateFromSettings } from "./migrate/migrate-command.ts";

// `npm run migrate`: brings the database of DATABASE_ADMIN_URL to the newest schema.

const devVarsFile = fileURLToPath(new URL("../.dev.vars", import.meta.url));

try {
  await migrateFromSettings(process.env, devVarsFile, (line) => console.log(line));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
