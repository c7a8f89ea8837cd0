/**
 * Whether a host name is this machine's own: `localhost`, a name below it (RFC 6761 section 6.3), 127.0.0.0/8 or `[::1]`.
 * @param hostname as `URL` gives it: in lower case, IPv6 in brackets.
 */
export function isLoopbackHost(hostname: string): boolean {
  return /^(?:(?:.+\.)?localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}
