import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModulesContainer } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
import { AppModule } from '../../src/app/app.module.js';
import { AuthStrategy } from '../../src/auth-strategy/auth.strategy.js';
import { Auth0Strategy } from '../../src/providers/auth0/auth0.strategy.js';
import { OidcStrategy } from '../../src/providers/oidc/oidc.strategy.js';
import { OryStrategy } from '../../src/providers/ory/ory.strategy.js';
import { loadConfiguration } from '../../src/platform/config/configuration.js';
import { newId } from '../../src/platform/core/identifier.js';
import { administratorAt } from '../support/administrator.js';
import { newSecret, providerEnv, startGateway } from '../support/gateway.js';
import { ownFeatures } from '../../src/app/features.js';

const strategies = { ory: OryStrategy, auth0: Auth0Strategy, oidc: OidcStrategy };

const degraded = [
  200,
  expect.objectContaining({
    status: 'degraded',
    details: expect.objectContaining({ database: { status: 'up' } }),
  }),
];
/** While the provider is away: at Ory nothing is set up, and nobody is logged in, so nobody is to be sent there. */
const readiness = {
  ory: [503, expect.objectContaining({ code: 'not_ready' })],
  auth0: degraded,
  oidc: degraded,
};

const oryPaths = [
  '/ory/kratos/sessions/whoami',
  '/ory/kratos/self-service/login/browser',
  '/ory/hydra/oauth2/auth',
  '/ory/hydra/.well-known/jwks.json',
  '/ory/anything',
  '/.well-known/openid-configuration',
  '/auth/ory/login',
  '/auth/ory/consent',
  '/auth/ory/logout',
  '/ui/login',
  '/ui/registration',
  '/ui/recovery',
  '/ui/verification',
  '/ui/settings',
  '/ui/consent',
  '/ui/logout',
  '/ui/error',
  '/demo',
];

describe.each(['ory', 'auth0', 'oidc'] as const)('the whole application under %s', (provider) => {
  it('puts its own strategy behind the port', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'vestibule-module-'));
    const configuration = loadConfiguration(
      {
        SECRETS: newSecret(),
        DATA_DIR: dataDir,
        ...providerEnv[provider],
      },
      ownFeatures,
    );
    const module = await Test.createTestingModule({ imports: [AppModule.register(configuration)] }).compile();
    expect(module.get(AuthStrategy, { strict: false })).toBeInstanceOf(strategies[provider]);
    // docs/adr/0002 says why; another one hides which module needs which.
    const found = [...module.get(ModulesContainer).values()].filter(({ isGlobal }) => isGlobal);
    expect(
      found
        .map(({ name }) => name)
        .filter((name) => name !== 'InternalCoreModule')
        .toSorted(),
    ).toEqual(['ClaimsModule', 'ConfigModule', 'FeaturesModule', 'OrgsModule', 'ProvidersModule']);
    await module.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('boots with every dependency injected, and is alive while the provider is away', async () => {
    const gateway = await startGateway(providerEnv[provider]);
    try {
      expect((await gateway.request('/health/live')).status).toBe(200);
      const ready = await gateway.request('/health/ready');
      expect([ready.status, ready.json()]).toEqual(readiness[provider]);
      expect((await gateway.request('/')).status).toBe(200);
      expect((await gateway.request('/.well-known/jwks.json')).status).toBe(200);
      expect((await gateway.request('/docs')).status).toBe(200);
    } finally {
      await gateway.stop();
    }
  });

  it('a session works, and the token names the provider', async () => {
    const gateway = await startGateway(providerEnv[provider]);
    try {
      const { cookie } = await gateway.session();
      const answer = await gateway.request('/auth/session', { headers: { cookie } });
      expect(answer.json()).toMatchObject({ provider, claims: { idp: provider } });
    } finally {
      await gateway.stop();
    }
  });

  it('a login while the provider is away is 503 provider_unavailable, or a redirect that needs no call', async () => {
    const gateway = await startGateway(providerEnv[provider]);
    try {
      const answer = await gateway.request('/auth/login');
      expect([302, 503]).toContain(answer.status);
    } finally {
      await gateway.stop();
    }
  });
});

it.each(['auth0', 'oidc'] as const)(
  'a session under %s is renewed without a question to the provider, which need not be there',
  async (provider) => {
    const gateway = await startGateway({ ...providerEnv[provider], TOKEN_TTL: '10m' });
    try {
      const { cookie } = await gateway.session();
      gateway.shiftClock(6 * 3600);
      const answer = await gateway.request('/auth/session', { headers: { cookie } });
      expect([answer.status, answer.cookies.length]).toEqual([200, 1]);
    } finally {
      await gateway.stop();
    }
  },
);

describe.each(['auth0', 'oidc'] as const)('routes of Ory under %s', (provider) => {
  it('do not exist, with any method, and none is documented', async () => {
    const gateway = await startGateway(providerEnv[provider]);
    try {
      const statuses = await Promise.all(
        oryPaths.flatMap((path) =>
          (['GET', 'POST', 'OPTIONS'] as const).map(
            async (method) => `${method} ${path} ${(await gateway.request(path, { method })).status}`,
          ),
        ),
      );
      expect(statuses.filter((line) => !line.endsWith(' 404'))).toEqual([]);
      const document = await gateway.request('/docs/openapi.json');
      expect(document.text).not.toMatch(/"\/(?:ory|ui|auth\/ory|demo)/);
    } finally {
      await gateway.stop();
    }
  });
});

describe.each(['auth0', 'oidc'] as const)('applications under %s', (provider) => {
  it('are registered by the provider, as the page for administrators states', async () => {
    const gateway = await startGateway(providerEnv[provider]);
    try {
      const held = await gateway.session();
      const headers = { cookie: held.cookie, accept: 'text/html' };
      expect((await gateway.request('/admin/applications', { headers })).status).toBe(403);
      const admin = await administratorAt(gateway);
      const page = await gateway.request('/admin/applications', {
        headers: { cookie: admin.cookie, accept: 'text/html' },
      });
      expect([page.status, page.text.includes('Auth0 dashboard')]).toEqual([200, provider === 'auth0']);
      for (const path of ['/admin/applications/new', `/orgs/${newId()}/applications`]) {
        const answer = await gateway.request(path, {
          headers: { cookie: admin.cookie, accept: 'text/html' },
        });
        expect([path, answer.status]).toEqual([path, 404]);
      }
    } finally {
      await gateway.stop();
    }
  });
});

describe('/.well-known', () => {
  it('says where keys and tokens are, and how a command line logs in', async () => {
    const gateway = await startGateway();
    try {
      const metadata = await gateway.request('/.well-known/oauth-authorization-server');
      const { PUBLIC_URL: issuer } = gateway.configuration;
      expect([metadata.status, metadata.json()]).toEqual([
        200,
        {
          issuer,
          jwks_uri: `${issuer}/.well-known/jwks.json`,
          token_endpoint: `${issuer}/auth/token`,
          authorization_endpoint: `${issuer}/auth/cli`,
          device_authorization_endpoint: `${issuer}/auth/device`,
          grant_types_supported: [
            'urn:ietf:params:oauth:grant-type:token-exchange',
            'urn:ietf:params:oauth:grant-type:device_code',
            'authorization_code',
          ],
          code_challenge_methods_supported: ['S256'],
          response_types_supported: [],
          service_documentation: `${issuer}/docs`,
        },
      ]);
      const keys = await gateway.request('/.well-known/jwks.json');
      const key = expect.objectContaining({ kid: expect.any(String), use: 'sig' });
      expect(keys.json()).toEqual({ keys: [key, key] });
    } finally {
      await gateway.stop();
    }
  });
});

describe('DEMO', () => {
  it('without it there is no /demo', async () => {
    const gateway = await startGateway({ DEMO: 'false' });
    try {
      expect((await gateway.request('/demo')).status).toBe(404);
    } finally {
      await gateway.stop();
    }
  });
});
