import type { Page } from "./render-page.ts";

/** The parts of an OpenAPI document that are shown. */
interface ApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string | undefined };
  readonly paths?: Readonly<Record<string, object>> | undefined;
  readonly components?: object | undefined;
}

interface Operation {
  readonly summary?: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: unknown }>> };
  readonly responses?: Readonly<Record<string, { readonly description?: string }>>;
  readonly "x-access"?: string;
}

const METHODS = ["get", "post", "put", "patch", "delete"] as const;

/** The API, call by call, readable without a script. */
export function DocsPage(document: ApiDocument): Page {
  const calls = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = (item as Partial<Record<string, Operation>>)[method];
      return operation === undefined ? [] : [{ method, path, operation }];
    }),
  );
  return {
    title: "API",
    body: (
      <main class="wide">
        <h1>
          {document.info.title} {document.info.version}
        </h1>
        <p>
          {document.info.description} The same, for machines: <a href="/openapi.json">/openapi.json</a>
        </p>
        {calls.map(({ method, path, operation }) => (
          <Call method={method} path={path} operation={operation} />
        ))}
        <h2>Shapes</h2>
        <details>
          <summary>Every schema</summary>
          <pre>{JSON.stringify(document.components ?? {}, null, 2)}</pre>
        </details>
      </main>
    ),
  };
}

interface CallProps {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

function Call({ method, path, operation }: CallProps) {
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  return (
    <details>
      <summary>
        <code>
          {method.toUpperCase()} {path}
        </code>{" "}
        {operation.summary}
      </summary>
      <table>
        <tbody>
          <Row name="Who may" value={operation["x-access"] ?? ""} />
          {(operation.parameters ?? []).map((parameter) => (
            <Row name={parameter.name} value={`in the ${parameter.in}${parameter.required ? "" : ", optional"}`} />
          ))}
          {Object.entries(operation.responses ?? {}).map(([status, answer]) => (
            <Row name={status} value={answer.description ?? ""} />
          ))}
        </tbody>
      </table>
      {body === undefined ? null : <pre>{JSON.stringify(body, null, 2)}</pre>}
    </details>
  );
}

function Row({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{value}</td>
    </tr>
  );
}
