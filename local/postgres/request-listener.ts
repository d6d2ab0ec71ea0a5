import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { applyFault, type Faults } from "../faults.ts";
import { type Backend, readLogin } from "./backend.ts";
import { APP } from "./embedded-roles.ts";
import { requireHarmless } from "./gate.ts";
import { parseSqlRequest, renderResults } from "./protocol.ts";
import { isSqlError, renderSqlError, SqlError } from "./sql-error.ts";

/** Above anything a migration or the Worker sends; Neon's own limit is 64 MB. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Answers the SQL endpoint and the controls, see `startPostgres`. */
export function createRequestListener(backend: Backend, faults: Faults): RequestListener {
  return (request, response) => {
    answer(backend, faults, request, response).catch(() => {
      // The client left, or the answer could not be sent: nobody is there to be told.
      response.destroy();
    });
  };
}

async function answer(backend: Backend, faults: Faults, request: IncomingMessage, response: ServerResponse) {
  const path = (request.url ?? "/").split("?")[0];
  const route = `${request.method} ${path}`;
  if (route === "GET /_health") return send(response, { status: 200, body: '{"status":"ok"}' });

  const body = await readBody(request);
  if (body === null) return send(response, { status: 413, body: '{"message":"The request is too large."}' });
  if (route === "POST /_faults") return send(response, addFault(faults, body));
  if (route === "POST /_reset") {
    faults.clear();
    return send(response, { status: 200, body: "{}" });
  }
  if (route !== "POST /sql" && route !== "POST /") return send(response, { status: 404, body: "{}" });

  const run = () => runSql(backend, request, body);
  if (await applyFault(faults.take("sql"), response, run)) return;
  send(response, await run());
}

async function runSql(backend: Backend, request: IncomingMessage, body: string): Promise<Answer> {
  try {
    const sql = parseSqlRequest(request.headers, body);
    const login = readLogin(sql.connectionString);
    if (login === null) throw new SqlError("28000", "The connection string is not a postgres:// URL.");
    for (const statement of sql.transaction.statements) requireHarmless(statement, login.role !== APP);
    return { status: 200, body: renderResults(sql, await backend.run(login, sql.transaction)) };
  } catch (error) {
    if (isSqlError(error)) return { status: 400, body: JSON.stringify(renderSqlError(error)) };
    return { status: 500, body: JSON.stringify({ message: "The database did not answer." }) };
  }
}

function addFault(faults: Faults, body: string): Answer {
  try {
    faults.add(JSON.parse(body));
    return { status: 200, body: "{}" };
  } catch (error) {
    const message = error instanceof SyntaxError ? "The body is not JSON." : String(error);
    return { status: 400, body: JSON.stringify({ message }) };
  }
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes > MAX_BODY_BYTES ? null : Buffer.concat(chunks).toString("utf8");
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(body);
}
