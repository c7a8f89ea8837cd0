import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A loopback port before another server's, whose cable can be pulled. */
export class TcpRelay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: URL) {
    this.#server = createServer((near) => {
      const far = connect(Number(target.port), target.hostname);
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
  }

  /** @returns the relay, and the target's URL through it. */
  static async start(target: string): Promise<{ relay: TcpRelay; url: string }> {
    const url = new URL(target);
    const relay = new TcpRelay(new URL(target));
    await new Promise<void>((resolve) => {
      relay.#server.listen(0, '127.0.0.1', resolve);
    });
    const address: AddressInfo | string | null = relay.#server.address();
    url.hostname = '127.0.0.1';
    url.port = String(typeof address === 'object' ? address?.port : '');
    return { relay, url: url.href };
  }

  /** Ends every connection; from now on nobody listens. */
  async cut(): Promise<void> {
    const closed = new Promise((resolve) => {
      this.#server.close(resolve);
    });
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await closed;
  }
}
