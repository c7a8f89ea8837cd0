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

/** Metadata services: IPv4 link-local, one of Alibaba Cloud, and those of AWS and of Google Cloud in a private range. */
const metadata = new BlockList();
metadata.addSubnet('169.254.0.0', 16, 'ipv4');
metadata.addAddress('100.100.100.200', 'ipv4');
metadata.addAddress('fd00:ec2::254', 'ipv6');
metadata.addAddress('fd20:ce::254', 'ipv6');

/** Whether an IP address is one that an air-gapped gateway may talk to; false for whatever isn't an IP address. */
export function isInside(address: string): boolean {
  return isIn(inside, address) && !isIn(metadata, address);
}

/** Names of metadata services, which resolve only inside of a cloud. */
const metadataNames: ReadonlySet<string> = new Set([
  'instance-data',
  'instance-data.ec2.internal',
  'metadata.azure.internal',
  'metadata.goog',
  'metadata.google.internal',
]);

/** Whether a host name is that of a cloud's metadata service, with a dot at its end or without. */
export function isMetadataName(host: string): boolean {
  return metadataNames.has(host.toLowerCase().replace(/\.$/, ''));
}

/** Whether an IP address is one at which clouds serve a machine's own credentials. */
export function isMetadata(address: string): boolean {
  return isIn(metadata, address);
}

function isIn(list: BlockList, address: string): boolean {
  // An IPv4 address in IPv6's clothes (::ffff:192.0.2.1) is judged by the rules of IPv4.
  return isIP(address) !== 0 && list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}
