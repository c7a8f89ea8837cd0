import { isIP } from 'node:net';

/**
 * The network that an address is counted as. IPv4 counts as the whole address. IPv6 counts by its /64, the least that one
 * customer gets (RFC 6177), so that a subscriber's 2^64 addresses are one. IPv4 inside IPv6 (`::ffff:…`) counts as IPv4. All
 * texts that aren't addresses count together.
 */
export function networkOf(address: string | undefined): string {
  const plain = plainAddress(address);
  if (plain === undefined) {
    return 'unknown';
  }
  return isIP(plain) === 4 ? plain : `${groupsOf(plain).slice(0, 4).join(':')}::/64`;
}

/**
 * The networks that contain an address, widest first. For IPv6: the /48 of a site, the /56 of a subscriber (RFC 6177) and the
 * /64. For IPv4: the /24 and the address.
 */
export function networksOf(address: string | undefined): readonly string[] {
  const plain = plainAddress(address);
  if (plain === undefined) {
    return ['unknown'];
  }
  if (isIP(plain) === 4) {
    return [`${plain.slice(0, plain.lastIndexOf('.'))}.0/24`, plain];
  }
  const groups = groupsOf(plain);
  const site = groups.slice(0, 3).join(':');
  const subscriber = (Number.parseInt(groups[3] ?? '0', 16) & 0xff_00).toString(16);
  return [`${site}::/48`, `${site}:${subscriber}::/56`, networkOf(plain)];
}

/** The address without a zone, IPv4 inside IPv6 as IPv4; undefined for anything else. */
export function plainAddress(address: string | undefined): string | undefined {
  const [plain = ''] = (address ?? '').split('%', 1);
  if (isIP(plain) !== 6) {
    return isIP(plain) === 4 ? plain : undefined;
  }
  const groups = groupsOf(plain);
  if (groups.slice(0, 5).some((group) => group !== '0') || groups[5] !== 'ffff') {
    return plain;
  }
  const bytes = groups.slice(6).flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
  return bytes.join('.');
}

/** The eight groups of an IPv6 address, without leading zeros. */
function groupsOf(address: string): string[] {
  // The URL standard defines one spelling: lower case, no IPv4 part, the longest run of zeros as `::`.
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => '0'), ...after];
}
