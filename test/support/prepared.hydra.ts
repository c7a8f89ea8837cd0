import type { ServerResponse } from 'node:http';
import { StandIn } from './stand-in.js';

/** Stands in for a Hydra that is set up: it has signing keys, clients and metadata, and answers 503 to everything else. */
export interface PreparedHydra {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts one. A gateway sends browsers to log in only when its Hydra has keys. */
export async function startPreparedHydra(): Promise<PreparedHydra> {
  const server = new StandIn('http://127.0.0.1:9');
  server.say(({ method, url = '' }, response) => {
    if (method === 'GET' && url.startsWith('/admin/keys/')) {
      answer(response, 200, { keys: [{ kid: 'made' }] });
    } else if (url.startsWith('/admin/clients')) {
      answer(response, 200, {});
    } else if (method === 'GET' && url === '/.well-known/openid-configuration') {
      answer(response, 200, { issuer: 'https://auth.example.test/ory/hydra' });
    } else {
      answer(response, 503, {});
    }
    return true;
  });
  return { url: await server.start(), stop: () => server.stop() };
}

function answer(response: ServerResponse, status: number, body: Readonly<Record<string, unknown>>): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
