import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCountingServer } from '../support/call.counter.js';
import { startGateway } from '../support/gateway.js';
import { type PreparedHydra, startPreparedHydra } from '../support/prepared.hydra.js';

/** Name of the cookie that binds the challenge `a`. */
const cookieName = `__Host-vestibule-challenge.${createHash('sha256').update('a').digest('base64url').slice(0, 16)}`;
const stolen = 'https://auth.example.test/auth/ory/login?login_challenge=stolen';

let hydraAdmin: PreparedHydra;

beforeAll(async () => {
  hydraAdmin = await startPreparedHydra();
});

afterAll(async () => {
  await hydraAdmin?.stop();
});

describe('who may bind a challenge to a browser', () => {
  it.each([
    ['Hydra', '/ory/hydra/oauth2/auth?client_id=x', true],
    ['Kratos', '/ory/kratos/self-service/login/browser?return_to=x', false],
  ])('%s: %s → %s', async (_who, path, binds) => {
    const ory = await startCountingServer({ status: 303, headers: { location: stolen } });
    const gateway = await startGateway({
      KRATOS_PUBLIC_URL: ory.url,
      HYDRA_PUBLIC_URL: ory.url,
      HYDRA_ADMIN_URL: hydraAdmin.url,
    });
    try {
      const answer = await gateway.request(path);
      expect(answer.headers['location']).toBe(stolen);
      expect(answer.cookies.some((cookie) => cookie.startsWith('__Host-vestibule-challenge.'))).toBe(binds);
      const cookie = answer.cookies.map((header) => header.split(';', 1)[0]).join('; ');
      const next = await gateway.request('/auth/ory/login?login_challenge=stolen', { headers: { cookie } });
      // 503: bound, and Hydra's admin API says nothing about it.
      expect(next.status).toBe(binds ? 503 : 403);
    } finally {
      await gateway.stop();
      await ory.stop();
    }
  });

  it.each([
    '/auth/ory/login?login_challenge=a',
    '/auth/ory/consent?consent_challenge=a',
    '/ui/consent?consent_challenge=a',
    '/auth/ory/logout?logout_challenge=a',
    '/ui/logout?logout_challenge=a',
    '/auth/ory/login',
    '/auth/ory/login?login_challenge=',
    '/auth/ory/login?login_challenge=a&login_challenge=b',
  ])('%s without the cookie is challenge_rejected, and Hydra is not asked', async (path) => {
    const hydra = await startCountingServer();
    const gateway = await startGateway({ HYDRA_PUBLIC_URL: hydra.url });
    try {
      const { cookie } = await gateway.session();
      for (const headers of [{}, { cookie }, { cookie: `${cookieName}=x` }]) {
        const answer = await gateway.request(path, { headers });
        expect(answer.status).toBe(403);
        expect(answer.json()).toMatchObject({ code: 'challenge_rejected' });
      }
      expect(hydra.requests).toEqual([]);
    } finally {
      await gateway.stop();
      await hydra.stop();
    }
  });

  it('a challenge cookie is no session, and a session no challenge cookie', async () => {
    const ory = await startCountingServer({ status: 303, headers: { location: stolen } });
    const gateway = await startGateway({ HYDRA_PUBLIC_URL: ory.url, HYDRA_ADMIN_URL: hydraAdmin.url });
    try {
      const answer = await gateway.request('/ory/hydra/oauth2/auth');
      const [name = '', value = ''] = answer.cookies[0]?.split(';', 1)[0]?.split('=') ?? [];
      expect(value).toMatch(/^\d{13}\.[\w-]{43}$/);
      const me = await gateway.request('/api/v1/me', {
        headers: { cookie: `${gateway.cookieName}=${value}` },
      });
      expect(me.status).toBe(401);
      const { sealed } = await gateway.session();
      const login = await gateway.request('/auth/ory/login?login_challenge=stolen', {
        headers: { cookie: `${name}=${sealed}` },
      });
      expect(login.status).toBe(403);
    } finally {
      await gateway.stop();
      await ory.stop();
    }
  });
});
