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

function isSameApartFromPort(own: string, given: string): boolean {
  if (!URL.canParse(own) || !URL.canParse(given)) {
    return false;
  }
  const [one, other] = [new URL(own), new URL(given)];
  const isNumeric = isLoopbackHost(one.hostname) && !one.hostname.endsWith('localhost');
  one.port = other.port;
  return isNumeric && one.protocol === 'http:' && one.href === given;
}
