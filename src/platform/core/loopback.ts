/**
 * Whether a host name is this machine's own: `localhost`, a name below it (RFC 6761 section 6.3), 127.0.0.0/8 or `[::1]`.
 * @param hostname as `URL` gives it: in lower case, IPv6 in brackets.
 */
export function isLoopbackHost(hostname: string): boolean {
  return /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}

/** Whether a redirect URI is one of a client's own: the same text or, on a numeric loopback address, with any port (RFC 8252 section 7.3). */
export function isRedirectUriOf(own: readonly string[], given: string): boolean {
  return own.some((uri) => uri === given || isSameApartFromPort(uri, given));
}

/** Whether a redirect URI stands for itself with any port. */
export function hasAnyPort(uri: string): boolean {
  const { protocol, hostname } = new URL(uri);
  return protocol === 'http:' && isLoopbackHost(hostname) && !hostname.endsWith('localhost');
}

function isSameApartFromPort(own: string, given: string): boolean {
  if (!URL.canParse(own) || !URL.canParse(given)) {
    return false;
  }
  const one = new URL(own);
  one.port = new URL(given).port;
  return hasAnyPort(own) && one.href === given;
}
