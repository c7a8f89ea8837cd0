import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type RequestListener, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { oryConfigurationAt } from '../../../../test/support/ory.configuration.js';
import { HydraClient } from './hydra.client.js';

const stops: (() => void)[] = [];

afterEach(() => {
  stops.splice(0).forEach((stop) => stop());
});

it('introspections that Hydra leaves unanswered keep no login waiting, and end after their own time-out', async () => {
  const unanswered: ServerResponse[] = [];
  const hydra = await clientOf((request, response) => {
    if (request.url?.includes('introspect') === true) {
      unanswered.push(response);
      return;
    }
    response.writeHead(204).end();
  });
  let ended = 0;
  const introspections = Array.from({ length: 6 }, async () =>
    hydra.introspect('ory_at_unknown').finally(() => (ended += 1)),
  );
  const outcomes = Promise.allSettled(introspections);
  await expect.poll(() => unanswered.length).toBe(2);
  await Promise.all(Array.from({ length: 8 }, async () => hydra.forgetSession('a session')));
  expect(ended).toBe(0);
  const reasons = (await outcomes).map((outcome) =>
    outcome.status === 'rejected' ? Reflect.get(outcome.reason, 'code') : outcome.value,
  );
  expect(reasons).toEqual(introspections.map(() => 'provider_unavailable'));
});

it.each([
  ['of Hydra 2.3', '{"error":"Unable to locate the resource","error_description":""}', undefined],
  ['with the error of a newer one', '{"error":{"code":404,"message":"Not Found"}}', undefined],
  ['of a proxy between', '{"message":"Not Found"}', 'provider_unavailable'],
  ['of another program', '<h1>404</h1>', 'provider_unavailable'],
])('a 404 %s: is the client gone?', async (_of, body, code) => {
  const hydra = await clientOf((_request, response) => {
    response.writeHead(404, { 'content-type': 'application/json' }).end(body);
  });
  const outcome = await hydra.client('app').catch((error: unknown) => Reflect.get(Object(error), 'code'));
  expect(outcome).toBe(code);
});

describe('what is to be removed', () => {
  const removals: Readonly<Record<string, (hydra: HydraClient) => Promise<void>>> = {
    'a session': (hydra) => hydra.forgetSession('sid'),
    'logins and consents': (hydra) => hydra.forgetPerson('ada'),
    grants: (hydra) => hydra.revokeGrants('ada', 'app'),
    'a client': (hydra) => hydra.removeClient('app'),
  };

  it.each(Object.entries(removals))(
    '%s: is gone with a 204, and not with the page of a proxy',
    async (_what, remove) => {
      let status = 200;
      const hydra = await clientOf((_request, response) => {
        response
          .writeHead(status, { 'content-type': 'text/html' })
          .end(status === 204 ? undefined : '<h1>OK</h1>');
      });
      await expect(remove(hydra)).rejects.toMatchObject({
        code: 'provider_unavailable',
        reason: 'hydra_answer_unreadable',
      });
      status = 204;
      await expect(remove(hydra)).resolves.toBeUndefined();
    },
  );
});

describe('an inactive token', () => {
  const token = { active: true, client_id: 'app', sub: 'ada', token_use: 'refresh_token' };

  /** A Hydra whose database is away at first. @param back how many questions it gets before that ends. */
  const hydraWithout = (back: number, asked: string[]): RequestListener => {
    return ({ method, url = '' }, response) => {
      asked.push(`${method} ${url}`);
      const isAway = asked.length <= back;
      const isIntrospection = url.includes('introspect');
      const [status, body] = isIntrospection
        ? [200, isAway ? { active: false } : token]
        : [isAway ? 500 : 200, {}];
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
  };
  const introspection = 'POST /admin/oauth2/introspect';
  const proof = 'GET /admin/clients/vestibule';

  it('is one if Hydra says so again once it has read its database', async () => {
    const asked: string[] = [];
    const hydra = await clientOf(({ method, url = '' }, response) => {
      asked.push(`${method} ${url}`);
      response.setHeader('content-type', 'application/json').end('{"active":false}');
    });
    expect(await hydra.introspectRefreshToken('ory_rt_unknown')).toBeUndefined();
    expect(asked).toEqual([introspection, proof, introspection]);
  });

  it('is no answer while Hydra can’t read its database', async () => {
    const asked: string[] = [];
    const hydra = await clientOf(hydraWithout(Infinity, asked));
    for (const ask of ['introspect', 'introspectClient', 'introspectRefreshToken'] as const) {
      await expect(hydra[ask]('ory_rt_live')).rejects.toMatchObject({ code: 'provider_unavailable' });
    }
    expect(asked).toEqual(Array.from({ length: 3 }, () => [introspection, proof]).flat());
  });

  it('isn’t one if the database comes back before it is read', async () => {
    const asked: string[] = [];
    const hydra = await clientOf(hydraWithout(1, asked));
    expect(await hydra.introspectRefreshToken('ory_rt_live')).toMatchObject({ sub: 'ada' });
    expect(asked).toEqual([introspection, proof, introspection]);
  });
});

describe('a list is read to its end, each entry once', () => {
  const entries = Array.from({ length: 60 }, (_, index) => ({
    consent_request: { client: { client_id: `app-${index}` } },
    handled_at: '2026-01-01T00:00:00Z',
  }));
  const ids = entries.map(({ consent_request: { client } }) => client.client_id);
  const offsetOf = (token: string): number =>
    Number(/^\{"offset":"(\d+)","v":2\}$/.exec(Buffer.from(token, 'base64url').toString())?.[1] ?? 0);
  const offset = (position: number): string =>
    Buffer.from(`{"offset":"${position}","v":2}`).toString('base64url');

  /** As Hydra since 25.4 pages all its lists: it takes no page token but its own, and states one for the next page alone. */
  function newHydra(): RequestListener {
    const issued = new Map<string, number>();
    const issue = (position: number): string => {
      const token = randomBytes(40).toString('base64url');
      issued.set(token, position);
      return token;
    };
    return ({ url = '' }, response) => {
      const query = new URL(url, 'http://hydra').searchParams;
      const given = query.get('page_token');
      const begin = given === null ? 0 : issued.get(given);
      if (begin === undefined) {
        response.writeHead(400, { 'content-type': 'application/json' }).end('{"error":"invalid_request"}');
        return;
      }
      const end = begin + Number(query.get('page_size'));
      const links = [['first', 0] as const, ...(end < entries.length ? [['next', end] as const] : [])];
      const link = links.map(
        ([name, position]) => `</admin/list?page_size=7&page_token=${issue(position)}>; rel="${name}"`,
      );
      answer(response, entries.slice(begin, end), link.join(','));
    };
  }

  /** As Hydra 2.3 pages a person's consents: by any offset that is asked for, with wrong ones in the header. */
  const oldHydra: RequestListener = ({ url = '' }, response) => {
    const query = new URL(url, 'http://hydra').searchParams;
    const size = Number(query.get('page_size'));
    const page = Math.floor(offsetOf(query.get('page_token') ?? '') / size);
    const link = ['first', 'next', 'prev', 'last'].map(
      (name, index) => `</admin/list?page_size=1&page_token=${offset(index * 26)}>; rel="${name}"`,
    );
    answer(response, entries.slice(page * size, (page + 1) * size), link.join(','));
  };

  function answer(response: ServerResponse, page: unknown, link: string): void {
    response.writeHead(200, { 'content-type': 'application/json', link }).end(JSON.stringify(page));
  }

  it.each([
    ['consents of Hydra 26.2', newHydra()],
    ['consents of Hydra 2.3', oldHydra],
  ])('%s', async (_whose, hydra) => {
    const consents = await (await clientOf(hydra)).grants('a subject');
    expect(consents.map(({ consent_request: { client } }) => client.client_id)).toEqual(ids);
  });

  it('clients of Hydra 26.2', async () => {
    const clients: unknown[] = [];
    for await (const page of (await clientOf(newHydra())).clients()) {
      clients.push(...page);
    }
    expect(clients).toEqual(entries);
  });
});

/** A client of a Hydra that answers so. */
async function clientOf(hydra: RequestListener): Promise<HydraClient> {
  const server = createServer(hydra);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return new HydraClient(oryConfigurationAt(`http://127.0.0.1:${port}`));
}
