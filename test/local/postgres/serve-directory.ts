import { startPostgres } from "../../../local/postgres/server.ts";

// A process of its own for tests that kill it: `node serve-directory.ts DIRECTORY` prints where it serves.

const postgres = await startPostgres({ port: 0, dataDir: process.argv[2] ?? null, adminPassword: "admin" });
console.log(JSON.stringify(postgres));
