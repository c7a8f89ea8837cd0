import { BlockList, isIP } from 'node:net';

/** Loopback, RFC 1918 and RFC 4193. Link-local isn't among them: that's where clouds keep their metadata services. */
const inside = new BlockList();
for (const [network, prefix] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  inside.addSubnet(network, prefix, 'ipv4');
}
inside.addAddress('::1', 'ipv6');
inside.addSubnet('fc00::', 7, 'ipv6');

/** Metadata services that have an address in a private range: those of AWS and of Google Cloud. */
const metadata = new BlockList();
metadata.addAddress('fd00:ec2::254', 'ipv6');
metadata.addAddress('fd20:ce::254', 'ipv6');

/** Whether an IP address is one that an air-gapped gateway may talk to; false for whatever isn't an IP address. */
export function isInside(address: string): boolean {
  // An IPv4 address in IPv6's clothes (::ffff:192.0.2.1) is judged by the rules of IPv4.
  const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
  return isIP(address) !== 0 && inside.check(address, family) && !metadata.check(address, family);
}
