import { BlockList, isIP } from 'node:net';

/** The ranges behind the names that Fastify's `trustProxy` knows. */
const named: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.1/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** Addresses, CIDR ranges and names of ranges (`TRUST_PROXY`) → whether an address is in one of them. */
export function addressRanges(ranges: readonly string[]): (address: string | undefined) => boolean {
  const list = new BlockList();
  for (const range of ranges.flatMap((entry) => named[entry] ?? [entry])) {
    const [address = '', prefix] = range.split('/');
    const family = familyOf(address);
    list.addSubnet(address, prefix === undefined ? (family === 'ipv4' ? 32 : 128) : Number(prefix), family);
  }
  return (address) => {
    // BlockList judges an IPv4-mapped IPv6 address (::ffff:192.0.2.1) by the rules of IPv4. It takes no zone.
    const [plain = ''] = (address ?? '').split('%', 1);
    return isIP(plain) !== 0 && list.check(plain, familyOf(plain));
  };
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}
