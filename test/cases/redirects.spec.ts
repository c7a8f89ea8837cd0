import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encode } from '../support/token.forge.js';
import { type Gateway, type GatewayAnswer, providerEnv, startGateway } from '../support/gateway.js';

const statuses = [301, 302, 303, 307, 308];
/** What clouds answer to anyone who asks from inside. */
const credentials = { AccessKeyId: 'canary', active: true, keys: [], issuer: 'canary' };

let provider: Server;
let metadata: Server;
const asked: string[] = [];
let leaks = 0;

const urlOf = (server: Server): string => {
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
};

beforeAll(async () => {
  metadata = createServer((_request, response) => {
    leaks += 1;
    response.setHeader('content-type', 'application/json').end(JSON.stringify(credentials));
  });
  provider = createServer((request, response) => {
    const status = statuses[asked.length % statuses.length] ?? 302;
    asked.push(request.url ?? '');
    response.writeHead(status, { location: `${urlOf(metadata)}/latest/meta-data/iam` }).end();
  });
  for (const server of [metadata, provider]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
});

afterAll(() => {
  for (const server of [metadata, provider]) {
    server?.closeAllConnections();
    server?.close();
  }
});

describe.each(['ory', 'auth0', 'oidc'] as const)(
  'a provider that redirects to a metadata service, %s',
  (name) => {
    let gateway: Gateway;

    beforeAll(async () => {
      const url = urlOf(provider);
      const own = Object.entries(providerEnv[name]).map(([variable, value]) => [
        variable,
        value.startsWith('http') ? url : value,
      ]);
      gateway = await startGateway(Object.fromEntries(own));
    });

    afterAll(async () => {
      await gateway?.stop();
    });

    it('is asked, and not followed; nobody is logged in [W16]', async () => {
      const jwt = `${encode({ alg: 'RS256', kid: 'x', typ: 'logout+jwt' })}.${encode({ iss: urlOf(provider) })}.${'a'.repeat(342)}`;
      const opaque = `ory_at_${'a'.repeat(43)}.${'b'.repeat(43)}`;
      const json = { 'content-type': 'application/json' };
      const form = { 'content-type': 'application/x-www-form-urlencoded' };
      const before = asked.length;
      const answers: GatewayAnswer[] = [];
      for (let round = 0; round < statuses.length; round += 1) {
        for (const accessToken of [jwt, opaque]) {
          const body = JSON.stringify({ accessToken });
          answers.push(await gateway.request('/auth/login', { method: 'POST', headers: json, body }));
        }
        const body = `logout_token=${jwt}`;
        answers.push(
          await gateway.request('/auth/backchannel-logout', { method: 'POST', headers: form, body }),
          await gateway.request('/auth/login'),
          await gateway.request('/health/ready'),
        );
      }
      expect(asked.length - before).toBeGreaterThanOrEqual(statuses.length);
      expect(leaks).toBe(0);
      for (const { headers, cookies, text } of answers) {
        expect(cookies.filter((cookie) => cookie.startsWith(`${gateway.cookieName}=`))).toEqual([]);
        expect(`${headers['location'] ?? ''}${text}`).not.toMatch(/meta-data|canary/);
      }
    });
  },
);
