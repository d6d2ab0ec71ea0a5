import { describe, expect, test } from "vitest";
import {
  hasDotSegment,
  isIdempotent,
  parseProxyTarget,
  selectAnswerHeaders,
  selectRequestHeaders,
} from "../../src/domain/proxy-request.ts";

const ID = `con_${"0".repeat(32)}`;
const at = (rest: string) => `https://aurora.example/api/v1/proxy/${ID}${rest}`;

describe("a dot segment is found", () => {
  test.each([
    ...["/.", "/..", "/./a", "/../a", "/a/..", "/a/../b", "/a/./b"],
    ...["/%2e", "/%2E%2e/a", "/.%2e/a", "/%2e./a", "/a/%2E%2E"],
    ...["/..%2fa", "/%2e%2e%2fa", "/a%2f..%2fb", "/a%2F.%2Fb", "/a%2f.."],
    ...["/..\\a", "/a\\..\\b", "/..%5ca", "/a%5C%2e%2e%5Cb"],
    ...["/%252e%252e/a", "/%25252e%25252e/a", "/a%252f..%252fb", "/%25%32%65%25%32%65/a"],
    ...["/..;/a", "/..;x=1/a", "/%2e%2e;/a", "/..%3bx/a"],
    ...["/..%00/a", "/.%09./a", "/%20../a", "/..%20/a", "/.%0d%0a./a"],
    ...["/%c0%ae%c0%ae/a", "/%C0%AE./a", "/%e0%80%ae%e0%80%ae/a", "/..%c0%afa", "/a%c1%9c..", "/%f0%80%80%ae."],
    ...["/%u002e%u002e/a", "/..%u2215/%2e", "/%ef%bc%8e%ef%bc%8e/a", "/\uff0e\uff0e/a", "/..%ef%bc%8fa"],
    `/%${"25".repeat(20)}2e`,
  ])("in %j", (path) => {
    expect(hasDotSegment(path)).toBe(true);
    expect(() => parseProxyTarget(at(path), ID)).toThrow(/dot segments/);
  });
});

describe("no dot segment is found", () => {
  test.each([
    ...["/", "/a", "/a/", "//a", "/a//b", "/.well-known/x", "/...", "/a..b", "/..a", "/a.", "/a../b", "/v1.0/x"],
    ...[
      "/a%2Fb",
      "/a%2fb%2Fc",
      "/%2F",
      "/%252F",
      "/a%5Cb",
      "/b/object%20name",
      "/%E2%82%AC",
      "/%zz",
      "/100%",
      "/a;b=.",
    ],
    ...["/projects/-/serviceAccounts/x@y.z:getIamPolicy", "/%2e%2e%2e", "/a%2e%2eb"],
  ])("in %j, which is kept as it is", (path) => {
    expect(hasDotSegment(path)).toBe(false);
    expect(parseProxyTarget(at(path), ID)).toEqual({ path, query: "" });
  });
});

describe("what is sent on", () => {
  test("is the path and the query as they were written", () => {
    const target = parseProxyTarget(at("/a%2Fb//c?x=1&x=../..&y=%2e%2e%2F&z=a+b&&e=?"), ID);
    expect(target).toEqual({ path: "/a%2Fb//c", query: "?x=1&x=../..&y=%2e%2e%2F&z=a+b&&e=?" });
    expect(parseProxyTarget(at("/?"), ID)).toEqual({ path: "/", query: "?" });
  });

  test.each([
    "https://aurora.example/api/v1/pro%78y/con_1/a",
    `https://aurora.example/api/v1/proxy/%63${ID.slice(1)}/a`,
    `https://aurora.example/api/v1/proxy/${ID}`,
    `https://aurora.example/api/v1/proxy/con_other/${ID}/a`,
    `https://aurora.example//api/v1/proxy/${ID}/a`,
  ])("is nothing of %j, which is another spelling of the proxy's own path", (url) => {
    expect(() => parseProxyTarget(url, ID)).toThrow(expect.objectContaining({ code: "not_found" }));
  });

  test("holds no backslash, which some read as a slash", () => {
    expect(() => parseProxyTarget(at("/a\\b"), ID)).toThrow(/backslash/);
  });

  test("holds none of the caller's credentials, none of ours, and nothing of the way here", () => {
    const left = [
      ...["Authorization", "Cookie", "X-API-Key", "X-User-ID", "X-Proxy-Host", "Forwarded", "X-Forwarded-For"],
      ...["X-Forwarded-Host", "X-Forwarded-Anything", "CF-Connecting-IP", "CF-Ray", "CF-Worker", "X-Real-IP"],
      ...["X-Org-ID", "X-Role", "X-Provider", "Host", "Content-Length", "True-Client-IP"],
      ...["Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer"],
      ...["Transfer-Encoding", "Upgrade", "Expect"],
    ];
    const given = new Headers(left.map((name) => [name, "x"]));
    expect([...selectRequestHeaders(given).keys()]).toEqual([]);
  });

  test("leaves out what Connection names, and keeps the rest", () => {
    const given = new Headers({
      ...{ connection: "close, X-Hop , x-other", "x-hop": "1", "x-other": "2" },
      ...{ accept: "*/*", "content-type": "text/plain", "x-amz-target": "T", "x-custom": "3", range: "bytes=0-1" },
    });
    expect([...selectRequestHeaders(given).keys()]).toEqual([
      ...["accept", "content-type", "range", "x-amz-target", "x-custom"],
    ]);
  });
});

describe("what is passed back", () => {
  test("is nothing that would act on our own origin or speak in our name", () => {
    const left = [
      ...["Set-Cookie", "Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Strict-Transport-Security"],
      ...["Clear-Site-Data", "Service-Worker-Allowed", "Refresh", "Link", "Alt-Svc", "NEL", "Report-To"],
      ...["Connection", "Keep-Alive", "Proxy-Authenticate", "Transfer-Encoding", "Trailer", "Upgrade", "X-Request-Id"],
      ...["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Content-Security-Policy-Report-Only"],
    ];
    const given = new Headers([...left.map((name): [string, string] => [name, "x"]), ["x-mine", "1"]]);
    expect([...selectAnswerHeaders(given, 404).keys()]).toEqual([
      ...["cache-control", "content-security-policy", "x-mine", "x-upstream-status"],
    ]);
  });

  test("says whose status it is, and forbids everything to a page", () => {
    const given = new Headers({ "x-upstream-status": "999", "content-security-policy": "default-src *" });
    const headers = selectAnswerHeaders(given, 302);
    expect(headers.get("x-upstream-status")).toBe("302");
    expect(headers.get("content-security-policy")).toBe("sandbox; default-src 'none'");
    expect(headers.get("cache-control")).toBe("no-store");
  });
});

test("a call is repeated only where asking twice is asking once", () => {
  expect(["GET", "HEAD", "PUT", "DELETE", "POST", "PATCH", "OPTIONS"].filter(isIdempotent)).toEqual([
    ...["GET", "HEAD", "PUT", "DELETE"],
  ]);
});
