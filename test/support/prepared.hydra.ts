import type { IncomingMessage, ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { z } from 'zod';
import { StandIn } from './stand-in.js';

/** Stands in for a Hydra that is set up: it has signing keys and metadata, keeps clients, everybody has consented to one, and answers 503 to everything else. */
export interface PreparedHydra {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts one. A gateway sends browsers to log in only when its Hydra has keys. */
export async function startPreparedHydra(): Promise<PreparedHydra> {
  const server = new StandIn('http://127.0.0.1:9');
  const clients = new Clients();
  server.say((request, response) => {
    const { method, url = '' } = request;
    if (method === 'GET' && url.startsWith('/admin/keys/')) {
      answer(response, 200, { keys: [{ kid: 'made' }] });
    } else if (url.startsWith('/admin/clients')) {
      void clients.serve(request, response);
    } else if (method === 'DELETE' && url.startsWith('/admin/oauth2/auth/sessions/')) {
      answer(response, 204);
    } else if (method === 'GET' && url.startsWith('/admin/oauth2/auth/sessions/consent')) {
      answer(response, 200, [consent]);
    } else if (method === 'GET' && url === '/.well-known/openid-configuration') {
      answer(response, 200, { issuer: 'https://auth.example.test/ory/hydra' });
    } else {
      answer(response, 503, {});
    }
    return true;
  });
  return { url: await server.start(), stop: () => server.stop() };
}

/** What everybody has allowed a client that its operator registered. */
const consent = {
  grant_scope: ['openid', 'offline_access'],
  handled_at: '2026-11-24T23:31:00Z',
  remember: true,
  consent_request: {
    client: {
      client_id: 'calendar',
      client_name: 'Calendar',
      redirect_uris: ['https://calendar.example/back'],
    },
  },
};

/** Clients, kept by their ids as they were sent. */
class Clients {
  readonly #byId = new Map<string, unknown>();

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://hydra');
    const [, , , id] = pathname.split('/');
    switch (request.method) {
      case 'POST':
      case 'PUT': {
        const client = z.looseObject({ client_id: z.string() }).parse(await json(request));
        this.#byId.set(client.client_id, client);
        return answer(response, request.method === 'POST' ? 201 : 200, client);
      }
      case 'DELETE':
        this.#byId.delete(id ?? '');
        return answer(response, 204);
      default: {
        const owner = searchParams.get('owner');
        const isOf = (client: unknown): boolean =>
          owner === null || Reflect.get(Object(client), 'owner') === owner;
        const found = id === undefined ? [...this.#byId.values()].filter(isOf) : this.#byId.get(id);
        return answer(response, found === undefined ? 404 : 200, found ?? {});
      }
    }
  }
}

function answer(response: ServerResponse, status: number, body?: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}
