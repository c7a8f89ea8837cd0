import { isIP } from 'node:net';

/**
 * The domain that passkeys and security keys of this origin belong to (WebAuthn's relying party identifier).
 * @param publicUrl origin that browsers see.
 * @returns undefined if there can be none: an IP address isn't a domain, and browsers support keys only for https and
 *   localhost.
 */
export function passkeyDomain(publicUrl: string): string | undefined {
  const { protocol, hostname } = new URL(publicUrl);
  const isSecure = protocol === 'https:' || /(?:^|\.)localhost$/.test(hostname);
  const isAddress = isIP(hostname.replaceAll(/^\[|\]$/g, '')) !== 0;
  return isSecure && !isAddress ? hostname : undefined;
}
