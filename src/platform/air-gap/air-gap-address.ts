import { addressRanges } from '../config/address-ranges.js';

/** Loopback, RFC 1918 and RFC 4193. Without link-local, where clouds have their metadata services. */
const isPrivate = addressRanges([
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::1',
  'fc00::/7',
]);

/**
 * Whether an IP address is that of a cloud's metadata service, which serves the machine's credentials: IPv4 link-local, Alibaba
 * Cloud's, Azure's, and those of AWS and Google Cloud in a private range.
 */
export const isMetadata = addressRanges([
  '169.254.0.0/16',
  '100.100.100.200',
  '168.63.129.16',
  'fd00:ec2::254',
  'fd20:ce::254',
]);

/** Whether an air-gapped gateway may connect to an IP address; false if the text isn't an IP address. */
export function isInside(address: string): boolean {
  return isPrivate(address) && !isMetadata(address);
}

/** Names of metadata services, which resolve only inside a cloud. */
const metadataNames: ReadonlySet<string> = new Set([
  'instance-data',
  'instance-data.ec2.internal',
  'metadata.azure.internal',
  'metadata.goog',
  'metadata.google.internal',
]);

/** Whether a host name is that of a cloud's metadata service, with or without a trailing dot. */
export function isMetadataName(host: string): boolean {
  return metadataNames.has(host.toLowerCase().replace(/\.$/, ''));
}
