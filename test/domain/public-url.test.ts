import { describe, expect, test } from "vitest";
import { requirePublicUrl } from "../../src/domain/public-url.ts";

const guard = (raw: string) => requirePublicUrl(raw, { ownHosts: ["aurora.example.com"] });

describe("a public https address is let through", () => {
  test.each([
    ["https://grafana.example.com", "https://grafana.example.com/"],
    ["https://grafana.example.com/metrics/", "https://grafana.example.com/metrics/"],
    ["https://grafana.example.com/a?b=c@d", "https://grafana.example.com/a?b=c@d"],
    ["https://GRAFANA.example.COM", "https://grafana.example.com/"],
    ["https://splunk.example.com:8089/services", "https://splunk.example.com:8089/services"],
    ["https://grafana.example.com:443", "https://grafana.example.com/"],
    ["https://grafana.example.com:1024", "https://grafana.example.com:1024/"],
    ["https://grafana.example.com:65535", "https://grafana.example.com:65535/"],
    ["https://bücher.example.com", "https://xn--bcher-kva.example.com/"],
    ["https://internal.example.com", "https://internal.example.com/"],
    ["https://notlocalhost.com", "https://notlocalhost.com/"],
  ])("%s", (raw, href) => {
    expect(guard(raw).href).toBe(href);
  });
});

const REFUSED: Readonly<Record<string, readonly string[]>> = {
  "not https": [
    "http://grafana.example.com",
    "ftp://example.com",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "//example.com",
    "example.com",
    "",
    "https://",
  ],
  "IPv4 in any notation": [
    "https://127.0.0.1",
    "https://127.0.0.1:8443",
    "https://169.254.169.254/latest/meta-data",
    "https://10.0.0.1",
    "https://8.8.8.8",
    "https://2130706433",
    "https://0x7f000001",
    "https://0x7f.0.0.1",
    "https://0177.0.0.1",
    "https://017700000001",
    "https://127.1",
    "https://127.0.1",
    "https://0",
    "https://0.0.0.0",
    "https://1",
    "https://127.0.0.1.",
    "https://2852039166",
    "https://0xa9fea9fe",
    "https://①②⑦.⓪.⓪.①",
    "https://127。0。0。1",
    "https://%31%32%37.0.0.1",
    "https://999.1.1.1",
    "https://1.2.3.4.5",
    "https://127.0.0.0x1",
  ],
  "IPv6 in any notation": [
    "https://[::1]",
    "https://[::]",
    "https://[::ffff:127.0.0.1]",
    "https://[::ffff:7f00:1]",
    "https://[0:0:0:0:0:ffff:a9fe:a9fe]",
    "https://[64:ff9b::7f00:1]",
    "https://[64:ff9b:1::a9fe:a9fe]",
    "https://[2002:7f00:1::]",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
    "https://[fe80::1]",
    "https://[fd00::1]",
    "https://[2606:4700::1111]",
    "https://[::127.0.0.1]",
    "https://[fe80::1%25eth0]",
  ],
  "local names": [
    "https://localhost",
    "https://localhost:8443",
    "https://LOCALHOST",
    "https://a.localhost",
    "https://localhost.",
    "https://localhost.localdomain",
    "https://printer.local",
    "https://metadata.google.internal",
    "https://metadata",
    "https://vault",
    "https://nas.home.arpa",
    "https://db.internal",
    "https://vault.service.test",
    "https://x.invalid",
    "https://hidden.onion",
    "https://kubernetes.default.svc.cluster.local",
    "https://wiki.corp",
    "https://router.lan",
    "https://1.0.0.127.in-addr.arpa",
    "https://printer.LOCAL",
    "https://printer.lo%63al",
  ],
  "names that resolve to an address of the caller's choice": [
    "https://127.0.0.1.nip.io",
    "https://169-254-169-254.sslip.io",
    "https://app.localtest.me",
    "https://lvh.me",
    "https://nip.io",
  ],
  "trailing dots and empty labels": [
    "https://example.com.",
    "https://example.com..",
    "https://a..example.com",
    "https://.example.com",
    "https://aurora.example.com.",
  ],
  "a user name": [
    "https://user@example.com",
    "https://user:secret@example.com",
    "https://:@example.com",
    "https://@example.com",
    "https://example.com@127.0.0.1",
    "https://example.com%40evil@example.org",
    "https:/@example.com",
  ],
  "parser tricks": [
    "https://example.com\\@evil.com",
    "https:\\\\example.com",
    " https://example.com",
    "https://example.com ",
    "https://exa\tmple.com",
    "https://exa\nmple.com",
    "https://example.com\u0000",
    "https://example.com/a b",
    "https://exa_mple.com",
    "https://-a.example.com",
    `https://${"a".repeat(64)}.com`,
    `https://${"a.".repeat(127)}com`,
    `https://example.com/${"a".repeat(2048)}`,
    "https://example.com:99999",
    "https://example.com:abc",
    "https://exam<ple.com",
  ],
  "other privileged ports": [
    "https://example.com:22",
    "https://example.com:25",
    "https://example.com:80",
    "https://example.com:0",
    "https://example.com:1023",
  ],
  ourselves: [
    "https://aurora.example.com",
    "https://AURORA.example.com:8443/api",
    "https://x.aurora.example.com",
    "https://aurora%2Eexample.com",
  ],
};

describe.each(Object.entries(REFUSED))("%s: refused", (_what, spellings) => {
  test.each(spellings)("%j", (raw) => {
    expect(() => guard(raw)).toThrow(
      expect.objectContaining({ code: "invalid_request", message: expect.stringMatching(/^The address .*\.$/) }),
    );
  });
});

test("the refusal does not repeat the address", () => {
  expect(() => guard("https://user:hunter2@example.com")).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining("hunter2") }),
  );
});
