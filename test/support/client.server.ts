import { createServer } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** An application on a port of its own, as far as a browser sees it: it says what it was called with. */
export interface ClientServer {
  /** Where the browser comes back to. */
  readonly redirectUri: string;
  /** Bodies of the forms that were posted to it. */
  readonly forms: readonly string[];
  stop(): Promise<void>;
}

/** Starts one. @param host as its address has it; it listens on the loopback interface. */
export async function startClientServer(host: '127.0.0.1' | 'localhost'): Promise<ClientServer> {
  const forms: string[] = [];
  const server = createServer(async (request, response) => {
    if (request.method === 'POST') {
      forms.push(await text(request));
    }
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end('<!doctype html><title>Calendar</title><h1>Back at the application</h1>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return {
    redirectUri: `http://${host}:${port}/back`,
    forms,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
