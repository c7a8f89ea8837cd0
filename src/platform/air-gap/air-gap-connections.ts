import { Socket, isIP } from 'node:net';
import { isInside } from './air-gap-address.js';

/** A connection was refused because it would have left the private network. */
export class OutsideConnectionError extends Error {
  override readonly name = 'OutsideConnectionError';
  readonly code = 'EAIRGAPPED';

  constructor() {
    super('AIR_GAPPED: a connection to an address outside of the private network was refused');
  }
}

/**
 * Makes the whole process refuse TCP connections to addresses outside the private network. Such an address can come from a
 * redirect, from a fetched document, or from a name that now resolves elsewhere. All of Node's clients use the patched
 * `Socket.prototype.connect`: fetch, http, tls, and pg, ioredis and nodemailer on top of them. A name's addresses are checked
 * after the lookup and before anything is sent.
 * @returns a function that undoes it.
 */
export function refuseOutsideConnections(): () => void {
  const original = Reflect.get(Socket.prototype, 'connect');
  const guarded = function (this: Socket, ...args: readonly unknown[]): unknown {
    // Emitted for each address of the name before it is tried. A socket that is destroyed here doesn't connect.
    this.on('lookup', (error: Error | null, address: string | undefined) => {
      if (!error && address !== undefined && !isInside(address)) {
        this.destroy(new OutsideConnectionError());
      }
    });
    const options = optionsOf(args);
    const host = options['host'];
    if (options['path'] !== undefined || typeof host !== 'string' || isIP(host) === 0 || isInside(host)) {
      return Reflect.apply(original, this, args);
    }
    // Node doesn't look up an IP address. A name whose lookup fails takes its place, so that the connection ends in the same way.
    const refused = {
      ...options,
      host: 'outside.invalid',
      lookup: (_: string, __: object, answer: (error: Error) => void) => answer(new OutsideConnectionError()),
    };
    return Reflect.apply(original, this, [
      refused,
      ...args.flat().filter((part) => typeof part === 'function'),
    ]);
  };
  Reflect.set(Socket.prototype, 'connect', guarded);
  return () => void Reflect.set(Socket.prototype, 'connect', original);
}

/** The options from any form of `connect`'s arguments, including the list that Node passes internally. */
function optionsOf(args: readonly unknown[]): Readonly<Record<string, unknown>> {
  const [first, second] = args.flat();
  if (typeof first === 'object' && first !== null) {
    return { ...first };
  }
  return typeof first === 'number' || (typeof first === 'string' && /^\d+$/.test(first))
    ? { port: first, host: typeof second === 'string' ? second : 'localhost' }
    : { path: first };
}
