import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What came of a crowd of connections that ask again and again. */
export interface CrowdReport {
  /** Count of answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Milliseconds from asking to each answer. */
  readonly durations: readonly number[];
  /** An answer of status 503, as it came. */
  readonly refusal: string | undefined;
}

/** Opens so many connections that ask nothing. @throws when one is refused. */
export async function openSockets(url: string, count: number): Promise<Socket[]> {
  const { port } = new URL(url);
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    // In parts: the queue of connections that wait to be accepted has 511 places.
    const part = Array.from({ length: Math.min(250, count - sockets.length) }, () =>
      connect(Number(port), '127.0.0.1'),
    );
    await Promise.all(
      part.map(
        (socket) =>
          new Promise<void>((resolve, reject) => {
            socket.once('connect', resolve);
            // Also for later: what a connection ends by is seen where something is asked on it.
            socket.on('error', reject);
          }),
      ),
    );
    sockets.push(...part);
  }
  return sockets;
}

/** Asks once on an open connection. @returns the whole answer, of which the length is told. */
export async function askOn(socket: Socket, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN);
      if (head !== -1 && text.length >= head + 4 + length) {
        finish();
        resolve(text);
      }
    };
    const onEnd = (): void => {
      finish();
      reject(Object.assign(new Error('the connection ended'), { code: 'ECONNRESET' }));
    };
    const finish = (): void => {
      socket.off('data', onData);
      socket.off('close', onEnd);
    };
    socket.on('data', onData);
    socket.on('close', onEnd);
    socket.write(request);
  });
}

/** Connections that ask the same again as soon as they are answered, or when they were told to come again, for a while. */
export async function crowd(
  url: string,
  connections: number,
  request: string,
  milliseconds: number,
): Promise<CrowdReport> {
  const sockets = await openSockets(url, connections);
  const statuses: Record<string, number> = {};
  const durations: number[] = [];
  let refusal: string | undefined;
  const end = performance.now() + milliseconds;
  await Promise.all(
    sockets.map(async (socket) => {
      while (performance.now() < end) {
        const began = performance.now();
        const answer = await askOn(socket, request).catch(() => 'HTTP/1.1 000 ');
        const status = answer.slice(9, 12);
        statuses[status] = (statuses[status] ?? 0) + 1;
        durations.push(performance.now() - began);
        if (status === '503') {
          refusal = answer;
          await delay(Number(/retry-after: (\d+)/i.exec(answer)?.[1]) * 1000);
        }
        if (status === '000') {
          break;
        }
      }
      socket.destroy();
    }),
  );
  return { statuses, durations, refusal };
}
