/** What an address is counted by: an IPv4 address, or the /64 an IPv6 address is in, which usually is one household or server. */
export function addressKey(ip: string | null): string {
  if (ip === null) return "unknown";
  const ipv4 = readIpv4(ip);
  if (ipv4 !== null || !ip.includes(":")) return ipv4 ?? ip;
  return `${groupsOf(ip).slice(0, 4).join(":")}::/64`;
}

/**
 * The network an address belongs to, as one site usually has it: an IPv4 /24 or an IPv6 /48, e.g. `192.0.2.0/24`.
 * Null when it is no address.
 */
export function networkOf(ip: string): string | null {
  const ipv4 = readIpv4(ip);
  if (ipv4 !== null) return `${ipv4.split(".").slice(0, 3).join(".")}.0/24`;
  return ip.includes(":") ? `${groupsOf(ip).slice(0, 3).join(":")}::/48` : null;
}

const IPV6_GROUPS = 8;
const IPV4 = /^(?:::ffff:)?(\d{1,3}(?:\.\d{1,3}){3})$/i;

/** The IPv4 address in `ip`, also when it is written as an IPv6 one. */
function readIpv4(ip: string): string | null {
  return IPV4.exec(ip)?.[1] ?? null;
}

/** The eight groups of an IPv6 address, without leading zeros. */
function groupsOf(ip: string): readonly string[] {
  const [head = "", tail] = ip.toLowerCase().split("%")[0]?.split("::") ?? [];
  const before = splitGroups(head);
  const after = splitGroups(tail ?? "");
  const zeros = tail === undefined ? 0 : Math.max(IPV6_GROUPS - before.length - after.length, 0);
  return [...before, ...Array<string>(zeros).fill("0"), ...after];
}

function splitGroups(piece: string): readonly string[] {
  return piece === "" ? [] : piece.split(":").map((group) => group.replace(/^0+(?=.)/, ""));
}
