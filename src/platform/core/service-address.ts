/** The address of an HTTP API: `http://kratos:4434/path`, or a Unix socket, `unix:/run/kratos.sock/path`. */
export interface ServiceAddress {
  /** The URL for requests; for a socket, `http://localhost` and the path. */
  readonly url: URL;
  /** Absolute path of the socket. */
  readonly socketPath: string | undefined;
  /** Without the path, as users know it. */
  readonly origin: string;
}

/** A socket's file ends in `.sock`: the rest is the path of the request. */
const unixForm = /^unix:(\/.*\.sock)(\/.*)?$/s;

/** Parses an address, with or without the path of a request behind it. @throws {TypeError} if it isn't one. */
export function serviceAddress(address: string): ServiceAddress {
  const [, socketPath, path = ''] = unixForm.exec(address) ?? [];
  if (socketPath !== undefined) {
    return { url: new URL(`http://localhost${path}`), socketPath, origin: `unix:${socketPath}` };
  }
  const url = new URL(address);
  return { url, socketPath: undefined, origin: url.origin };
}

/** Whether an address is that of a socket on this machine. */
export function isSocketAddress(address: string): boolean {
  return unixForm.test(address);
}
