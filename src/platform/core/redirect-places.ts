import { isLoopbackHost } from './loopback.js';

/** Where redirect URIs lead, as users are told. */
export interface RedirectPlaces {
  readonly redirectHosts: readonly string[];
  /** Whether one leads to a program on the user's own device. */
  readonly redirectsToDevice: boolean;
}

/**
 * The host to which a redirect URI leads; null for a program on the user's own device, undefined for what isn't an address. In a private
 * scheme, no name tells who answers: its maker chose the scheme and whatever stands where a web address has its host.
 */
export function redirectHostOf(uri: string): string | null | undefined {
  if (!URL.canParse(uri)) {
    return undefined;
  }
  const { protocol, hostname, host } = new URL(uri);
  return /^https?:$/.test(protocol) && !isLoopbackHost(hostname) ? host : null;
}

/** Where an application's redirect URIs lead: all of them, because it chooses one at each login. */
export function redirectPlacesOf(uris: readonly string[]): RedirectPlaces {
  const hosts = uris.map((uri) => redirectHostOf(uri));
  return {
    redirectHosts: [...new Set(hosts.filter((host) => typeof host === 'string'))],
    redirectsToDevice: hosts.includes(null),
  };
}
