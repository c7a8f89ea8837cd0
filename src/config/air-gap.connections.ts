import { Socket, isIP } from 'node:net';
import { isInside } from './air-gap.address.js';

/** A connection that would have left the private network. */
export class OutsideConnectionError extends Error {
  override readonly name = 'OutsideConnectionError';
  readonly code = 'EAIRGAPPED';

  constructor() {
    super('AIR_GAPPED: a connection to an address outside of the private network was refused');
  }
}

/**
 * Refuses, for the whole process and from now on, each TCP connection to an address outside of the private network: that
 * of a redirect, of a document that names further addresses, or of a name that has come to lead elsewhere. All of Node's
 * clients (fetch, http, tls, and pg, ioredis and nodemailer on top of them) connect by this one method, and what a name
 * leads to is judged after it was looked up and before anything is sent.
 * @returns what takes it back.
 */
export function refuseOutsideConnections(): () => void {
  const original = Reflect.get(Socket.prototype, 'connect');
  const guarded = function (this: Socket, ...args: readonly unknown[]): unknown {
    // Told for each address of the name, before it is tried; a socket destroyed in it isn't connected any more.
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
    // An address isn't looked up: made a name whose look-up fails, it ends as such connections do.
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

/** The options in any of the forms that `connect` takes, the list that Node hands to itself among them. */
function optionsOf(args: readonly unknown[]): Readonly<Record<string, unknown>> {
  const [first, second] = args.flat();
  if (typeof first === 'object' && first !== null) {
    return { ...first };
  }
  return typeof first === 'number' || (typeof first === 'string' && /^\d+$/.test(first))
    ? { port: first, host: typeof second === 'string' ? second : 'localhost' }
    : { path: first };
}
