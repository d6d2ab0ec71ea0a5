import { startTestSandbox } from "./sandbox-client.ts";

// Run as a process of its own, to be killed: prints one line, the sandbox as JSON.
const sandbox = await startTestSandbox(process.argv[2] ?? null);
process.stdout.write(`${JSON.stringify(sandbox)}\n`);
