import { once } from 'node:events';
import { type IncomingMessage, type Server, createServer } from 'node:http';
import { text } from 'node:stream/consumers';

/** An event as it was pushed. */
export interface PushedEvent {
  readonly method: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly token: string;
}

/** A receiver to which events are pushed. */
export interface SignalReceiver {
  readonly host: string;
  readonly url: string;
  readonly received: PushedEvent[];
  /** The statuses with which it answers next; 202 after them. */
  readonly answers: number[];
  /** With what it refuses every event. */
  refusal: string | undefined;
  readonly close: () => Promise<void>;
}

/** Starts a receiver on a free port of this machine. */
export async function startSignalReceiver(): Promise<SignalReceiver> {
  const received: PushedEvent[] = [];
  const answers: number[] = [];
  const server: Server = createServer((request, response) => {
    const take = async (): Promise<void> => {
      received.push({ method: request.method, headers: request.headers, token: await text(request) });
      response
        .writeHead(receiver.refusal === undefined ? (answers.shift() ?? 202) : 400)
        .end(receiver.refusal);
    };
    void take();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  const receiver: SignalReceiver = {
    host,
    url: `http://${host}/events`,
    received,
    answers,
    refusal: undefined,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return receiver;
}
