import type { SandboxContext } from "../provider.ts";
import { type Answer, json, type WireRequest } from "../wire.ts";
import { etagOf, refuse } from "./tailscale-answers.ts";

const KEY = "tailscale/policy";
const DEFAULT_POLICY = `// Example/default ACLs for unrestricted connections.
{
	// Who may give which tag. "tag:aurora" in a comment is none.
	"tagOwners": {
		"tag:web": ["autogroup:admin"], // the web servers
	},
	"grants": [
		{"src": ["*"], "dst": ["*"], "ip": ["*"]},
	],
}
`;

/** The tailnet's policy file: HuJSON, replaced whole, guarded by its ETag. @see https://tailscale.com/api#tag/policyfile */
export function createPolicyFile({ state }: SandboxContext) {
  const read = () => String(state.get(KEY) ?? DEFAULT_POLICY);
  const answer = (): Answer => ({
    status: 200,
    headers: { "content-type": "application/hujson", etag: etagOf(read()) },
    body: read(),
  });
  return {
    read(request: WireRequest): Answer {
      const policy = parsePolicy(read());
      if (request.headers.accept === "application/hujson" || policy === null) return answer();
      return json(200, policy, { etag: etagOf(read()) });
    },
    write(request: WireRequest): Answer {
      const expected = request.headers["if-match"];
      if (expected !== undefined && expected !== etagOf(read()))
        return refuse(412, "precondition failed, invalid old hash");
      const text = request.body.toString("utf8");
      if (parsePolicy(text) === null) return refuse(400, "policy file is not valid HuJSON");
      state.set(KEY, text, null);
      return answer();
    },
    hasTag: (tag: string): boolean => tag in (parsePolicy(read())?.tagOwners ?? {}),
  };
}

interface Policy {
  readonly tagOwners?: Readonly<Record<string, unknown>>;
}

/** HuJSON by taking away comments and trailing commas; null when what is left is no JSON object. */
function parsePolicy(text: string): Policy | null {
  const plain = text
    .replace(/("(?:[^"\\]|\\.)*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, "$1")
    .replace(/("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g, "$1");
  try {
    const value: unknown = JSON.parse(plain);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    // Not HuJSON: the caller is told so.
    return null;
  }
}
