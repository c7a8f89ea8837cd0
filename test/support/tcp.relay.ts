import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A loopback port before another server's, whose cable can be pulled or go dead. */
export class TcpRelay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #dead = new WeakSet<Socket>();
  #isSilent = false;

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
        socket.on('data', (chunk) => {
          if (!this.#isSilent && !this.#dead.has(socket)) {
            other.write(chunk);
          }
        });
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

  /** Nothing goes through any more, and nobody is told: what a machine does whose address has moved to another. */
  silence(): void {
    this.#isSilent = true;
    for (const socket of this.#sockets) {
      this.#dead.add(socket);
    }
  }

  /** New connections go through; those of before stay dead. */
  speak(): void {
    for (const socket of this.#sockets) {
      this.#dead.add(socket);
    }
    this.#isSilent = false;
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
