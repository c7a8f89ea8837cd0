import { lookup } from 'node:dns';
import { type LookupFunction, isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { isLoopbackHost } from '../core/loopback.js';
import { isMetadata, isMetadataName } from './air-gap-address.js';

/** A name leads to an address that a stranger must not send the gateway to. */
class PrivateAddressError extends Error {
  override readonly name = 'PrivateAddressError';
}

/** Whether an address is one of the Internet's, and nothing that has a special meaning (RFC 6890). */
function isPublic(address: string): boolean {
  const parsed = ipaddr.process(address);
  // What isn't assigned yet counts as unicast too (RFC 4291 section 2.4); so far all public addresses begin with 001.
  const isAssigned = !(parsed instanceof ipaddr.IPv6) || parsed.match(ipaddr.IPv6.parseCIDR('2000::/3'));
  return isAssigned && parsed.range() === 'unicast' && !isMetadata(address);
}

/**
 * Whether a host may be one of the Internet's: an address is judged, and a name only once it is looked up ({@link lookUpPublic}).
 * @param hostname as `URL` gives it.
 */
export function isPublicHost(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return !isLoopbackHost(hostname) && !isMetadataName(hostname) && (isIP(bare) === 0 || isPublic(bare));
}

/** Looks a name up as a connection does, for its option `lookup`. Fails if one of the addresses isn't public. */
export const lookUpPublic: LookupFunction = (hostname, options, answer) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) {
      answer(error, []);
    } else if (addresses.every(({ address }) => isPublic(address))) {
      answer(null, addresses);
    } else {
      answer(new PrivateAddressError(`${hostname} leads to an address that is not public`), []);
    }
  });
};
