import { once } from 'node:events';
import { type LookupFunction, type Socket, connect as connectPlain, isIP } from 'node:net';
import { type TLSSocket, checkServerIdentity, connect as connectTls } from 'node:tls';

/** A server of a directory, and the authorities that may have signed its certificate. */
export interface LdapServer {
  readonly url: string;
  /** PEM; undefined: the authorities of the system. */
  readonly authorities: string | undefined;
  /** How its name is looked up; undefined: as any. */
  readonly lookup?: LookupFunction | undefined;
}

/** A directory broke the protocol, or refused to encrypt. */
export class LdapProtocolError extends Error {
  override readonly name = 'LdapProtocolError';
}

/** `ExtendedRequest` for StartTLS as message 1 (RFC 4511 section 4.14.1). */
const startTlsRequest = Buffer.concat([
  Buffer.from([0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16]),
  Buffer.from('1.3.6.1.4.1.1466.20037', 'ascii'),
]);
/** Maximum bytes of the answer to it, which is the only thing that is read unencrypted. */
const longestAnswer = 512;
/** Maximum bytes that a connection may bring: a user with all groups is far smaller. */
const mostBytes = 16 * 1024 * 1024;

/**
 * Opens a TLS connection to a directory, whose certificate was checked against its name. Nothing is sent before TLS except the request
 * for it, and nothing that arrived before TLS is read afterwards: an attacker could have put it there.
 * @param signal ends the attempt.
 */
export async function openLdapSocket(server: LdapServer, signal: AbortSignal): Promise<TLSSocket> {
  const { protocol, hostname, port } = new URL(server.url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const isEncrypted = protocol === 'ldaps:';
  const plain = connectPlain({
    host,
    port: Number(port === '' ? (isEncrypted ? 636 : 389) : port),
    ...(server.lookup === undefined ? {} : { lookup: server.lookup }),
  });
  // An error ends the attempt below, and any later operation by the socket's end.
  plain.on('error', () => undefined);
  const end = (): void => void plain.destroy();
  signal.addEventListener('abort', end, { once: true });
  try {
    await once(plain, 'connect', { signal });
    if (!isEncrypted) {
      await startTls(plain, signal);
    }
    const socket = connectTls({
      socket: plain,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(server.authorities === undefined ? {} : { ca: server.authorities }),
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
    });
    await once(socket, 'secureConnect', { signal });
    socket.on('error', () => undefined);
    limitBytes(socket);
    return socket;
  } catch (error) {
    plain.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', end);
  }
}

async function startTls(socket: Socket, signal: AbortSignal): Promise<void> {
  socket.write(startTlsRequest);
  let answer = Buffer.alloc(0);
  while (lengthOf(answer) === undefined || answer.length < (lengthOf(answer) ?? 0)) {
    if (answer.length > longestAnswer) {
      throw new LdapProtocolError('the answer to StartTLS is too long');
    }
    const chunk = await readOnce(socket, signal);
    answer = Buffer.concat([answer, chunk]);
  }
  if (answer.length !== lengthOf(answer)) {
    throw new LdapProtocolError('the directory sent more than the answer to StartTLS');
  }
  if (resultCodeOf(answer) !== 0) {
    throw new LdapProtocolError('the directory refused StartTLS');
  }
}

/** The next bytes. The socket is paused afterwards, so that TLS reads what follows. */
async function readOnce(socket: Socket, signal: AbortSignal): Promise<Buffer> {
  const ended = new AbortController();
  const stop = AbortSignal.any([signal, ended.signal]);
  try {
    const [chunk] = await Promise.race([
      once(socket, 'data', { signal: stop }),
      once(socket, 'close', { signal: stop }).then(() => {
        throw new LdapProtocolError('the directory closed the connection before TLS');
      }),
    ]);
    socket.pause();
    return Buffer.isBuffer(chunk) ? chunk : Buffer.alloc(0);
  } finally {
    ended.abort();
  }
}

/** Length of a whole LDAP message with its header (X.690 section 8.1.3); undefined while too little of it is there. */
function lengthOf(bytes: Buffer): number | undefined {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) {
    return undefined;
  }
  if (tag !== 0x30) {
    throw new LdapProtocolError('the answer to StartTLS is no LDAP message');
  }
  if (first < 0x80) {
    return 2 + first;
  }
  const count = first & 0x7f;
  if (count === 0 || count > 2) {
    throw new LdapProtocolError('the answer to StartTLS has an impossible length');
  }
  return bytes.length < 2 + count ? undefined : 2 + count + bytes.readUIntBE(2, count);
}

/** Result code of the `ExtendedResponse` of message 1; undefined for any other message. */
function resultCodeOf(message: Buffer): number | undefined {
  const start = (message[1] ?? 0) < 0x80 ? 2 : 2 + ((message[1] ?? 0) & 0x7f);
  const isFirst = message.subarray(start, start + 3).equals(Buffer.from([0x02, 0x01, 0x01]));
  const isExtended = message[start + 3] === 0x78;
  const lengthByte = message[start + 4] ?? 0;
  const content = start + 5 + (lengthByte < 0x80 ? 0 : lengthByte & 0x7f);
  const isCode = message[content] === 0x0a && message[content + 1] === 1;
  return isFirst && isExtended && isCode ? message[content + 2] : undefined;
}

function limitBytes(socket: TLSSocket): void {
  let received = 0;
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received > mostBytes) {
      socket.destroy();
    }
  });
}
