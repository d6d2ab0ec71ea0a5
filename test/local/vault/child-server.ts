import { startVault } from "../../../local/vault/server.ts";

// Run as a process of its own by the durability test, which kills it. Prints its address and tokens as one line of JSON.
const [, , dataDir = ""] = process.argv;
const { stop: _, ...endpoint } = await startVault({ port: 0, dataDir });
console.log(JSON.stringify(endpoint));
