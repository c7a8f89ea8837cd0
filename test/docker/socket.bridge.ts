import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/** A loopback port that carries connections to somewhere else. */
export interface SocketBridge {
  readonly port: number;
  /** First line of each answer so far. */
  readonly answers: readonly string[];
  stop(): Promise<void>;
}

/** Starts one. @param port 0: any. @param open makes the connection that an incoming one is carried over. */
export async function startSocketBridge(port: number, open: () => Socket): Promise<SocketBridge> {
  const sockets = new Set<Socket>();
  const answers: string[] = [];
  const server = createServer((near) => {
    const far = open();
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
    far.once('data', (chunk: Buffer) => answers.push(chunk.toString('latin1').split('\r\n')[0] ?? ''));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    answers,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      sockets.forEach((socket) => socket.destroy());
      await closed;
    },
  };
}
