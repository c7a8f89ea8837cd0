import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RevocationService } from '../../src/session/revocation/revocation.service.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { waitUntil } from '../support/stack.js';

const canary = 'c4n4ry';
let gateway: Gateway;

beforeAll(async () => {
  gateway = await startGateway();
});

afterAll(async () => {
  await gateway?.stop();
});

/** Lines that were written since a count, once there are at least so many. */
async function linesSince(count: number, least = 1): Promise<readonly string[]> {
  await waitUntil(() => gateway.log.length >= count + least, 'log lines');
  return gateway.log.slice(count);
}

function expectPlain(lines: readonly string[]): void {
  for (const line of lines) {
    expect(line.endsWith('\n')).toBe(true);
    expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    expect(() => JSON.parse(line)).not.toThrow();
  }
}

describe('log lines', () => {
  it.each(['/a%0d%0ab', '/a%1b[31mred', '/%00', '/a%E2%80%A8b', '/a%C2%9B31m', '/{"level":"fatal"}'])(
    'stay one line of plain text for the path %s',
    async (path) => {
      const count = gateway.log.length;
      await gateway.request(path);
      expectPlain(await linesSince(count));
    },
  );

  it('stay one line for headers with tabs, escapes and high bytes [W10]', async () => {
    const count = gateway.log.length;
    for (const value of ['a\tb', '\u009B31m', '\u0085', 'é']) {
      await gateway.request('/api/v1/me', {
        headers: { 'user-agent': value, referer: value, 'x-request-id': value, authorization: value },
      });
    }
    expectPlain(await linesSince(count));
  });

  it('stay one line for raw bytes of a terminal sequence in the path [W10]', async () => {
    await gateway.app.listen(0, '127.0.0.1');
    const address: unknown = gateway.app.getHttpServer().address();
    const port = Number(typeof address === 'object' && address !== null ? Reflect.get(address, 'port') : 0);
    const count = gateway.log.length;
    const socket = connect(port, '127.0.0.1').resume();
    await once(socket, 'connect');
    socket.end(
      'GET /a\u009B31m\u0085b HTTP/1.1\r\nHost: auth.example.test\r\nConnection: close\r\n\r\n',
      'latin1',
    );
    await once(socket, 'close');
    expectPlain(await linesSince(count));
  });

  it('hold no token, cookie, query, body or e-mail address, whether the request succeeds or fails [W11]', async () => {
    const { cookie, bearer, token, sealed, user } = await gateway.session({
      email: `${canary}@example.test`,
    });
    const count = gateway.log.length;
    await gateway.request(`/api/v1/me?code=${canary}&state=${canary}`, { headers: { cookie } });
    await gateway.request(`/auth/callback?code=${canary}&state=${canary}&error=${canary}`);
    await gateway.request(`/auth/login?return_to=/${canary}`);
    await gateway.request('/auth/session', { headers: { authorization: bearer } });
    await gateway.request('/auth/session', {
      headers: { authorization: `Bearer ${canary}`, cookie: canary },
    });
    await gateway.request('/auth/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': canary },
      body: JSON.stringify({ accessToken: `${canary}-0123456789abcdef` }),
    });
    await gateway.request('/auth/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `{"accessToken":"${canary}`,
    });
    await gateway.request('/auth/logout', { method: 'POST', headers: { cookie } });
    const text = (await linesSince(count, 8)).join('');
    for (const secret of [
      canary,
      token,
      sealed,
      user.email ?? canary,
      ...gateway.configuration.SECRETS.map(String),
    ]) {
      expect(text).not.toContain(secret);
    }
  });

  it('every refusal has its reason code', async () => {
    const count = gateway.log.length;
    await gateway.request('/api/v1/me');
    await gateway.request('/api/v1/me', { headers: { authorization: 'Bearer AA.AA.AA' } });
    const text = (await linesSince(count, 4)).join('');
    expect(text).toContain('"reason":"cookie_absent_or_unreadable"');
    expect(text).toContain('"reason":"token_header"');
  });

  it.each([
    ['another scheme', { authorization: 'Basic YTpi' }, 'authorization_malformed'],
    ['a cookie of nobody', { cookie: '__Host-vestibule=x' }, 'cookie_absent_or_unreadable'],
    ['two credentials', { authorization: 'Bearer a.b.c', 'x-api-key': 'x' }, 'two_credentials'],
  ])('tell why %s is refused', async (_what, headers, reason) => {
    const count = gateway.log.length;
    await gateway.request('/api/v1/me', { headers });
    const text = (await linesSince(count, 2)).join('');
    expect(text).toContain(`"reason":"${reason}"`);
  });

  it('tell why a token that was good once is refused', async () => {
    const { bearer, user } = await gateway.session();
    const reasonAt = async (seconds: number): Promise<string> => {
      const count = gateway.log.length;
      gateway.shiftClock(seconds);
      await gateway.request('/api/v1/me', { headers: { authorization: bearer } });
      return (await linesSince(count, 2)).join('');
    };
    try {
      expect(await reasonAt(86_400)).toContain('"reason":"token_expired"');
      gateway.shiftClock(1);
      await gateway.app.get(RevocationService, { strict: false }).invalidate('user', user.id);
      expect(await reasonAt(2)).toContain('"reason":"token_stale"');
    } finally {
      gateway.shiftClock(0);
    }
  });

  it('of a request whose session is known have its id, refusals too', async () => {
    const { cookie, claims } = await gateway.session();
    const count = gateway.log.length;
    const answer = await gateway.request('/api/v1/users', { headers: { cookie } });
    expect(answer.status).toBe(403);
    const lines = (await linesSince(count, 2)).map((line): object => Object(JSON.parse(line)));
    const reqId = Reflect.get(Object(answer.json()), 'requestId');
    expect(lines).toContainEqual(expect.objectContaining({ reqId, code: 'forbidden', sid: claims.sid }));
    expect(lines).toContainEqual(expect.objectContaining({ reqId, status: 403, sid: claims.sid }));
    expect(lines.filter((line) => Reflect.get(line, 'sid') === claims.sid)).toHaveLength(2);
  });
});
