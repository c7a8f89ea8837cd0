import { once } from 'node:events';
import { createServer } from 'node:http';

/** A web page behind a proxy, which shows the headers that it was asked with. */
export interface EchoServer {
  readonly origin: string;
  stop(): Promise<void>;
}

/** Starts one on loopback. */
export async function startEchoServer(): Promise<EchoServer> {
  const server = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    const lines = Object.entries(request.headers).map(
      ([name, value]) => `<li>${name}: ${String(value)}</li>`,
    );
    response.end(`<!doctype html><title>Wiki</title><h1>The wiki</h1><ul>${lines.join('')}</ul>`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    origin: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
