/** An address with the port that some proxies add, or in the brackets that IPv6 then needs. */
const withPort = /^\s*(?:\[([\da-f:.]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)\s*$/i;

/**
 * The addresses of `X-Forwarded-For` without ports (`192.0.2.1:1234`, `[2001:db8::1]:443`, as Azure's proxies send them): nothing that
 * reads the header takes those for addresses, so all such callers would count as one, and a proxy in the chain as none.
 */
export function withoutPorts(header: string): string {
  // Almost no proxy sends one, and each request is looked at.
  if (!/\]|\.\d+:\d/.test(header)) {
    return header;
  }
  return header
    .split(',')
    .map((entry) => {
      const [, bracketed, plain] = withPort.exec(entry) ?? [];
      return bracketed ?? plain ?? entry;
    })
    .join(',');
}
