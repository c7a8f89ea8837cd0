import { Controller, Get, Module } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OptionalSession, Public, RequireVerifiedEmail } from '../../src/session/guards/access.decorators.js';
import { exchange, makeKey, plantOrg, textOf } from '../support/api.caller.js';
import { type Gateway, type HeldSession, expectProblem, startGateway } from '../support/gateway.js';
import { keyOf } from '../support/world.js';

@Controller('probe')
class ProbeController {
  @Get('verified')
  @RequireVerifiedEmail()
  verified(): string {
    return 'ok';
  }

  @Get('plain')
  plain(): string {
    return 'ok';
  }

  @Get('optional')
  @OptionalSession()
  optional(): string {
    return 'ok';
  }

  @Get('public')
  @Public()
  public(): string {
    return 'ok';
  }

  @Get('impossible')
  @Public()
  @RequireVerifiedEmail()
  impossible(): string {
    return 'ok';
  }
}

@Module({ controllers: [ProbeController] })
class ProbeModule {}

const pageLoad = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'none' };

interface Holders {
  readonly verified: HeldSession;
  readonly claimed: HeldSession;
}

async function holdersOf(gateway: Gateway): Promise<Holders> {
  return {
    verified: await gateway.session({ emailVerified: true }),
    claimed: await gateway.session({ emailVerified: false }),
  };
}

async function statusOf(
  gateway: Gateway,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  return (await gateway.request(path, { headers })).status;
}

describe('a route or a sub-request that needs a verified address', () => {
  let gateway: Gateway;
  let holders: Holders;

  beforeAll(async () => {
    gateway = await startGateway({ TRUST_PROXY: 'loopback' }, undefined, { modules: [ProbeModule] });
    holders = await holdersOf(gateway);
  });

  afterAll(() => gateway?.stop());

  it('by @RequireVerifiedEmail() is open to verified ones alone [L28]', async () => {
    const { verified, claimed } = holders;
    const path = '/probe/verified';
    expect(await statusOf(gateway, path, { cookie: verified.cookie })).toBe(200);
    expectProblem(
      await gateway.request(path, { headers: { cookie: claimed.cookie } }),
      403,
      'email_unverified',
    );
    expect(await statusOf(gateway, path)).toBe(401);
    expect(await statusOf(gateway, '/probe/plain', { cookie: claimed.cookie })).toBe(200);
  });

  it('opens to no one where no one is looked for', async () => {
    expect(await statusOf(gateway, '/probe/impossible', { cookie: holders.verified.cookie })).toBe(403);
  });

  it('takes a key of the person as the person', async () => {
    for (const [holder, status] of [
      [holders.verified, 200],
      [holders.claimed, 403],
    ] as const) {
      const key = await keyOf(gateway.app, holder.user.id, 'api');
      expect(await statusOf(gateway, '/probe/verified', { 'x-api-key': key })).toBe(status);
    }
  });

  it('tells a person without any address from a service account, also in a token that was made from the key', async () => {
    const nameless = await gateway.session({ email: null, emailVerified: false });
    const orgId = await plantOrg(gateway, 'machines', { owner: holders.verified, member: nameless });
    const ofOrg = { scope: 'api' };
    const owner = { cookie: holders.verified.cookie };
    const keys = {
      person: await keyOf(gateway.app, nameless.user.id, 'api'),
      service: (await makeKey(gateway, owner, ofOrg, `/api/v1/orgs/${orgId}/api-keys`)).key,
    };
    for (const [kind, status] of [
      ['person', 403],
      ['service', 200],
    ] as const) {
      const key = keys[kind];
      const token = textOf(
        await exchange(gateway, {
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token: key,
          subject_token_type: 'urn:vestibule:params:oauth:token-type:api_key',
        }),
        'access_token',
      );
      for (const credential of [{ 'x-api-key': key }, { authorization: `Bearer ${token}` }]) {
        for (const path of ['/probe/verified', '/auth/verify?verified=true']) {
          expect([kind, path, await statusOf(gateway, path, credential)]).toEqual([kind, path, status]);
        }
      }
    }
  });

  it('is left alone by the page of a browser only with an address: it is led to the verification', async () => {
    const answer = await gateway.request('/probe/verified', {
      headers: { ...pageLoad, cookie: holders.claimed.cookie },
    });
    expect([answer.status, answer.headers['location']]).toEqual([
      302,
      '/ui/verification?return_to=%2Fprobe%2Fverified',
    ]);
  });

  it.each([
    ['by query', '/auth/verify?verified=true', '/auth/verify'],
    ['by path, as Envoy asks', '/auth/verify/verified=true/app/', '/auth/verify/session/app/'],
  ])('in forward auth %s with verified=true [L28]', async (_how, path, without) => {
    const { verified, claimed } = holders;
    expect(await statusOf(gateway, path, { cookie: verified.cookie })).toBe(200);
    expectProblem(
      await gateway.request(path, { headers: { cookie: claimed.cookie } }),
      403,
      'email_unverified',
    );
    expect(await statusOf(gateway, without, { cookie: claimed.cookie })).toBe(200);
  });

  it.each(['false', '', 'yes', 'TRUE', 'true&verified=true'])(
    'refuses a configuration with verified=%s',
    async (value) => {
      const path = `/auth/verify?verified=${value}`;
      expect(await statusOf(gateway, path, { cookie: holders.verified.cookie })).toBe(400);
    },
  );

  it('redirects a page load to the verification where the configuration asks for redirects', async () => {
    const answer = await gateway.request('/auth/verify?verified=true&redirect=true', {
      headers: {
        ...pageLoad,
        cookie: holders.claimed.cookie,
        host: 'auth.example.test',
        'x-forwarded-for': '203.0.113.9',
        'x-forwarded-proto': 'https',
        'x-forwarded-method': 'GET',
        'x-forwarded-uri': '/app/?x=1',
      },
    });
    expect(answer.status).toBe(302);
    expect(answer.headers['location']).toMatch(/\/ui\/verification\?return_to=%2Fapp%2F%3Fx%3D1$/);
  });
});

describe('REQUIRE_VERIFIED_EMAIL', () => {
  let gateway: Gateway;
  let holders: Holders;

  beforeAll(async () => {
    gateway = await startGateway({ TRUST_PROXY: 'loopback', REQUIRE_VERIFIED_EMAIL: 'true' }, undefined, {
      modules: [ProbeModule],
    });
    holders = await holdersOf(gateway);
  });

  afterAll(() => gateway?.stop());

  it.each([
    '/probe/plain',
    '/probe/optional',
    '/auth/session',
    '/auth/verify',
    '/api/v1/me',
    '/auth/sessions',
    '/',
  ])('opens %s to no session without a verified address [L29]', async (path) => {
    const answer = await gateway.request(path, { headers: { cookie: holders.claimed.cookie } });
    expectProblem(answer, 403, 'email_unverified');
    expect(await statusOf(gateway, path, { cookie: holders.verified.cookie })).toBe(200);
  });

  it('refuses the bearer and the keys of such an account, and exchanges nothing for it [L29]', async () => {
    const { claimed } = holders;
    const key = await keyOf(gateway.app, claimed.user.id, 'api');
    expect(await statusOf(gateway, '/probe/plain', { 'x-api-key': key })).toBe(403);
    const exchange = await gateway.request('/auth/token', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: key,
        subject_token_type: 'urn:vestibule:params:oauth:token-type:api-key',
      }).toString(),
    });
    expect(exchange.status).toBe(400);
  });

  it('leads a page load to the verification, and leaves the ways there and out open', async () => {
    const { cookie } = holders.claimed;
    const page = await gateway.request('/', { headers: { ...pageLoad, cookie } });
    expect([page.status, page.headers['location']]).toEqual([302, '/ui/verification?return_to=%2F']);
    expect(await statusOf(gateway, '/probe/public', { cookie })).toBe(200);
    expect(await statusOf(gateway, '/docs', { cookie })).toBe(200);
    const out = await gateway.request('/auth/logout', {
      method: 'POST',
      headers: { cookie, origin: gateway.configuration.PUBLIC_URL },
    });
    expect(out.status).toBe(200);
  });

  it('asks nothing of visitors', async () => {
    expect(await statusOf(gateway, '/probe/optional')).toBe(200);
    expect(await statusOf(gateway, '/probe/plain')).toBe(401);
    expect(await statusOf(gateway, '/')).toBe(200);
  });
});
