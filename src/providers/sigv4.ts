import { AwsV4Signer } from "aws4fetch";
import { readText } from "../domain/json.ts";
import type { EpochSeconds } from "../domain/time.ts";
import type { TokenData } from "../domain/token-data.ts";

/** A request to AWS before it is signed. */
export interface Unsigned {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer> | null;
}

/** The service of AWS and the region its signature is for, as the host says; global services sign for us-east-1. */
const HOST = /^([a-z0-9-]+)(?:\.([a-z0-9-]+))?\.amazonaws\.com(?:\.cn)?$/;
const GLOBAL_REGION = "us-east-1";
/** The one service that takes a body nobody has read, over https. */
const UNSIGNED_PAYLOAD_SERVICE = "s3";
/** A caller's own: they would be signed with our key, or speak of a signature that is not ours. */
const CALLERS_OWN = ["x-amz-date", "x-amz-security-token", "x-amz-content-sha256"];

/** False for S3, which takes a body that is still arriving. */
export function isPayloadSigned(host: string): boolean {
  return HOST.exec(host)?.[1] !== UNSIGNED_PAYLOAD_SERVICE;
}

/**
 * The headers that sign `request` with temporary keys; null when `tokenData` does not hold them.
 *
 * Only the host and the `x-amz-…` headers are signed: anything else may be changed on the way.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export async function signAwsRequest(
  tokenData: TokenData,
  { method, url, headers, body }: Unsigned,
  now: EpochSeconds,
): Promise<Readonly<Record<string, string>> | null> {
  const [accessKeyId, secretAccessKey] = [
    readText(tokenData, "access_key_id"),
    readText(tokenData, "secret_access_key"),
  ];
  const [, service, region = GLOBAL_REGION] = HOST.exec(new URL(url).hostname) ?? [];
  if (accessKeyId === null || secretAccessKey === null || service === undefined) return null;
  for (const name of CALLERS_OWN) headers.delete(name);
  const sessionToken = readText(tokenData, "session_token");
  const signer = new AwsV4Signer({
    url,
    method,
    headers: [...headers].filter(([name]) => name.startsWith("x-amz-")),
    ...(body !== null && { body }),
    ...(sessionToken !== null && { sessionToken }),
    accessKeyId,
    secretAccessKey,
    service,
    region,
    datetime: new Date(now * 1000).toISOString().replace(/[:-]|\.\d{3}/g, ""),
  });
  return Object.fromEntries((await signer.sign()).headers);
}
