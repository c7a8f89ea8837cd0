import { once } from 'node:events';
import { createServer } from 'node:http';
import { CommandError } from '../platform/errors/command.error.js';

/** Milliseconds that a person has to log in and confirm. */
const timeout = 300_000;

const page = (text: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>Vestibule</title><p>${text}</p></html>\n`;

/** A listener on a loopback port that receives the authorization response from a browser (RFC 8252 section 7.3). */
export interface LoopbackListener {
  /** `http://127.0.0.1:PORT/callback` */
  readonly redirectUri: string;
  /** The parameters of the first response with this state; others are ignored. @throws {CommandError} after five minutes. */
  answer(state: string): Promise<URLSearchParams>;
  close(): void;
}

/** Listens on a free port of the loopback address, which only this machine can reach. */
export async function listenOnLoopback(): Promise<LoopbackListener> {
  let give: (parameters: URLSearchParams) => void = () => undefined;
  let expected: string | undefined;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const isAnswer = request.method === 'GET' && url.pathname === '/callback';
    if (!isAnswer || expected === undefined || url.searchParams.get('state') !== expected) {
      response
        .writeHead(404, { 'content-type': 'text/html; charset=utf-8' })
        .end(page('There is nothing here.'));
      return;
    }
    const text = url.searchParams.has('code') ? 'You are logged in.' : 'Nothing was allowed.';
    response
      // The URL holds the code: it must not be sent elsewhere or stored.
      .writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        connection: 'close',
      })
      .end(page(`${text} You can close this page and go back to the terminal.`));
    give(url.searchParams);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    redirectUri: `http://127.0.0.1:${port}/callback`,
    answer: (state) =>
      new Promise((resolve, reject) => {
        expected = state;
        const timer = setTimeout(() => {
          reject(new CommandError('Nobody confirmed the login within five minutes. Run the command again.'));
        }, timeout);
        give = (parameters) => {
          clearTimeout(timer);
          resolve(parameters);
        };
      }),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
