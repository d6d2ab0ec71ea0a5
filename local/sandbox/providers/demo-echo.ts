import { createHash } from "node:crypto";
import { type Answer, json, type WireRequest } from "../wire.ts";

/** Headers an answer may hold that would act on the origin of whoever passes it on. */
const NOSY_HEADERS = {
  "set-cookie": ["access_token=planted; Path=/", "other=1"],
  "access-control-allow-origin": "*",
  "access-control-allow-credentials": "true",
  "strict-transport-security": "max-age=0",
  "clear-site-data": '"*"',
  "service-worker-allowed": "/",
  refresh: "0; url=https://evil.example/",
  link: '<https://evil.example/x.js>; rel="preload"',
  "alt-svc": 'h3="evil.example:443"',
  nel: '{"report_to":"evil"}',
  "report-to": '{"group":"evil"}',
  "x-upstream-status": "999",
  "x-request-id": "req_theirs",
  "content-security-policy": "default-src *",
  "cache-control": "public, max-age=3600",
  "x-hop": "for one hop",
  connection: "x-hop",
} as const;

/**
 * Answers with the call as it arrived. `?status=` sets the status, `?location=` a redirect's target, `?bytes=` answers
 * that many bytes instead.
 */
export function echo({ method, path, query, search, headers, body }: WireRequest): Answer {
  const status = Number(query.get("status") ?? 200);
  const location = query.get("location");
  const more = { ...NOSY_HEADERS, "x-kept": "yes", ...(location !== null && { location }) };
  const bytes = query.get("bytes");
  if (bytes !== null) {
    const type = { "content-type": "application/octet-stream" };
    return { status, headers: { ...more, ...type }, body: Buffer.alloc(Number(bytes), "x") };
  }
  const sha256 = createHash("sha256").update(body).digest("hex");
  const arrived = { method, path, search, headers, bytes: body.length, sha256 };
  const answer = json(status, arrived);
  return { ...answer, headers: { ...answer.headers, ...more } };
}
