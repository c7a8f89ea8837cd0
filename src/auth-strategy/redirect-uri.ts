import { isLoopbackHost } from '../platform/core/loopback.js';
import type { ApplicationKind } from './application-administration.js';

const longest = 2000;
/** Addresses of programs that many people have, and whose schemes aren't such names: Cursor's. */
export const knownNativeUris: readonly string[] = ['cursor://anysphere.cursor-mcp/oauth/callback'];

/** Of a native application: the reverse of a domain name that its maker controls (RFC 8252 section 7.1). */
const privateScheme = /^[a-z][a-z\d+-]*(?:\.[a-z\d+-]+)+:$/;

/**
 * Why a browser must not be sent to an address with a code (RFC 9700 section 4.1, RFC 8252); undefined for one that is fine.
 * Addresses are compared as texts later, so they are refused unless they are written as a browser writes them.
 * @param publicUrl of this gateway, whose own pages receive no code for another application.
 * @param native addresses of native applications that are fine whatever their scheme.
 */
export function redirectUriFault(
  uri: string,
  kind: ApplicationKind,
  publicUrl: string,
  native: readonly string[] = [],
): string | undefined {
  if (uri.length > longest || !URL.canParse(uri)) {
    return 'must be an absolute URL';
  }
  const url = new URL(uri);
  const { protocol, hostname, username, password, href, origin } = url;
  if (/[*\\\s]|%2a/i.test(uri)) {
    return 'must not have wildcards, backslashes or blanks';
  }
  if (/\p{Cc}|%(?![\da-f]{2})/iu.test(uri)) {
    return 'must not have control characters, nor % without two hexadecimal digits';
  }
  if (uri.includes('#') || username !== '' || password !== '') {
    return 'must not have a fragment or a user name';
  }
  if (kind === 'native' && (privateScheme.test(protocol) || native.includes(uri))) {
    return undefined;
  }
  if (protocol === 'http:' ? !isLoopbackHost(hostname) : protocol !== 'https:') {
    return kind === 'native'
      ? 'must begin with https://, with http:// on a loopback address, or with the reverse of a domain name'
      : 'must begin with https://, or with http:// on a loopback address';
  }
  if (hostname.endsWith('.')) {
    return 'must have a host name without a dot at its end';
  }
  if (origin === publicUrl) {
    return 'must not lead to this gateway';
  }
  // An empty path is all that a browser may add.
  return href === uri || href === `${uri}/` ? undefined : `must be written as ${href}`;
}
