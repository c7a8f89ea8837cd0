import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blockRunBy } from '../support/document.blocks.js';
import { type Gateway, type GatewayRequest, providerEnv, startGateway } from '../support/gateway.js';
import { type ListedRoute, listRoutes } from '../support/route.list.js';

/**
 * Every route that answers without a session, and why. A route that isn't here must answer 401;
 * anyone who opens one adds it here, where a reviewer sees it.
 */
const openUnderEveryProvider = [
  'GET /', // welcome page
  'GET /.vestibule/callback', // on a protected host: a one-time code of this browser is the credential
  'GET /.vestibule/login', // on a protected host: starts a login
  'GET /.well-known/jwks.json', // public keys
  'GET /.well-known/oauth-authorization-server', // public metadata
  'GET /.well-known/oauth-protected-resource', // public metadata
  'GET /.well-known/oauth-protected-resource/api', // public metadata
  'GET /.well-known/ssf-configuration', // public metadata
  'GET /assets/:file', // style sheets and scripts
  'GET /auth/callback', // the provider's answer
  'GET /auth/hosts/authorize', // sends who isn't logged in to log in
  'GET /auth/login', // starts a login
  'GET /auth/signup', // starts a registration
  'GET /docs', // Swagger UI
  'GET /docs/openapi.json', // public document
  'GET /favicon.ico',
  'GET /health/live', // probes
  'GET /health/reach', // `vestibule doctor` alone, by proof of a secret; 404 for everybody else
  'GET /health/ready',
  'GET /invitation', // names the invite of a link; accepting takes a session
  'GET /second-factor', // states what a policy requires of a session; redirects everyone else
  'POST /.vestibule/logout', // on a protected host, of nobody: nothing happens
  'POST /auth/backchannel-logout', // the logout token is the credential
  'POST /auth/login', // step 7: the access token is the credential
  'POST /auth/logout', // of nobody: nothing happens
  'POST /auth/device', // gives codes, with which nobody gets anything before a user has entered one
  'POST /auth/token', // the subject token is the credential
  'POST /ssf/events', // the security event token is the credential; 404 without SIGNAL_TRANSMITTERS
  'POST /invitation', // leads who isn't logged in to the page of the same name
];

/** Ory's challenges and pages; each needs a challenge of this browser, or a flow of Kratos. */
const openUnderOry = [
  'GET /.well-known/openid-configuration', // public metadata
  'GET /auth/connections/:id/callback', // the provider's answer to a login of this browser
  'GET /auth/connections/:id/login', // leads to a company's provider, within a login of this browser
  'GET /auth/connections/:id/metadata', // public metadata; 404 unless it is a SAML connection
  'GET /auth/connections/:id/slo', // the provider's signature is the credential
  'GET /ui/second-factor', // states that a company's login gave none
  'GET /auth/ory/consent',
  'GET /auth/ory/login',
  'GET /auth/ory/logout',
  'GET /auth/ory/session-question/admin/oauth2/auth/requests/login', // for Kratos: the sealed challenge is the credential
  'POST /auth/application-logout', // Hydra's logout token is the credential
  'POST /auth/connections/:id/acs', // keeps a SAML provider's answer to a login that is under way
  'POST /auth/connections/:id/backchannel-logout', // the logout token is the credential
  'POST /auth/connections/:id/slo', // the provider's signature is the credential
  'POST /auth/ory/consent',
  'POST /auth/ory/logout',
  'PUT /auth/ory/session-question/admin/oauth2/auth/requests/login/accept', // likewise
  'POST /oauth2/register', // public clients register themselves; 404 unless DYNAMIC_REGISTRATION is set
  'GET /demo', // example app, DEMO=true only
  'GET /ui/:kind',
  'GET /ui/connections/:id', // 404 without such a connection
  'GET /ui/consent',
  'GET /ui/error',
  'GET /ui/identify', // 404 where there can be no connections
  'GET /ui/logout',
  'POST /ui/connections/:id', // name and password are the credential, within a login of this browser
  'POST /ui/identify', // leads on to where an address logs in
];

/** The proxy: what passes is src/providers/ory/proxy/ory-routes. */
const proxied = [
  '/ory/hydra',
  '/ory/hydra/',
  '/ory/hydra/*',
  '/ory/kratos',
  '/ory/kratos/',
  '/ory/kratos/*',
].flatMap((pattern) => ['GET', 'OPTIONS', 'POST'].map((method) => `${method} ${pattern}`));

const expectedOpen = {
  ory: [...openUnderEveryProvider, ...openUnderOry, ...proxied],
  auth0: openUnderEveryProvider,
  oidc: openUnderEveryProvider,
};

const isMethod = (method: string): method is NonNullable<GatewayRequest['method']> =>
  ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].includes(method);

describe.each(['ory', 'auth0', 'oidc'] as const)('routes under %s', (provider) => {
  let gateway: Gateway;

  beforeAll(async () => {
    gateway = await startGateway(providerEnv[provider]);
  });

  afterAll(async () => {
    await gateway?.stop();
  });

  it('answer 401 to an anonymous API call, except for the listed ones', async () => {
    const fastify: FastifyInstance = gateway.app.getHttpAdapter().getInstance();
    const routes = listRoutes(fastify);
    expect(routes.length).toBeGreaterThan(20);
    const open: string[] = [];
    for (const { method, pattern } of routes) {
      const path = pattern.replaceAll(/:\w+/g, 'login').replace('*', 'x');
      if (!isMethod(method)) {
        throw new TypeError(`${method} is not expected`);
      }
      const answer = await gateway.request(path, { method });
      if (answer.status !== 401) {
        open.push(`${method} ${pattern}`);
      }
      expect(answer.status).not.toBe(500);
    }
    // HEAD comes with every GET, and must be as closed.
    const heads = open.filter((route) => route.startsWith('HEAD ')).map((route) => route.slice(5));
    const gets = open.filter((route) => route.startsWith('GET ')).map((route) => route.slice(4));
    expect(heads.sort()).toEqual(gets.sort());
    expect(open.filter((route) => !route.startsWith('HEAD ')).sort()).toEqual(
      [...expectedOpen[provider]].sort(),
    );
  });

  it('include closed ones, which open with a session', async () => {
    const { cookie } = await gateway.session();
    for (const path of ['/api/v1/me', '/auth/session']) {
      expect((await gateway.request(path)).status).toBe(401);
      expect((await gateway.request(path, { headers: { cookie } })).status).toBe(200);
    }
  });
});

describe('every page and route', () => {
  let gateway: Gateway;
  let routes: readonly ListedRoute[];

  beforeAll(async () => {
    gateway = await startGateway({ ...providerEnv.ory, DEMO: 'true' });
    const fastify: FastifyInstance = gateway.app.getHttpAdapter().getInstance();
    routes = listRoutes(fastify);
  });

  afterAll(async () => {
    await gateway?.stop();
  });

  it('of Nest and of the proxy is listed', () => {
    expect(routes).toContainEqual({ method: 'GET', pattern: '/api/v1/me' });
    expect(routes).toContainEqual({ method: 'POST', pattern: '/ory/kratos/*' });
    expect(routes).toContainEqual({ method: 'GET', pattern: '/docs/openapi.json' });
  });

  it('is passed on to the gateway in docs/verify.md', () => {
    const own = new Set(routes.map(({ pattern }) => pattern.split('/')[1] ?? ''));
    // An app has a start page of its own, probes ask the gateway directly, and protected hosts aren't the app's.
    for (const name of ['', '*', 'favicon.ico', 'health', 'metrics', '.vestibule']) {
      own.delete(name);
    }
    const block = blockRunBy('docs/verify.md', 'test/journeys/single-page-app.spec.ts', 'vite');
    const [, list = ''] = /\[\s*('account'[^\]]*)\]/.exec(block) ?? [];
    expect(
      list
        .split(',')
        .map((entry) => entry.trim().replaceAll("'", ''))
        .filter((entry) => entry !== '')
        .sort(),
    ).toEqual([...own].sort());
  });

  it.each([
    '/api/v1/m%65',
    '/%61pi/v1/me',
    '/api%2Fv1/me',
    '/api/v1/me/',
    '//api/v1/me',
    '/api/v1/./me',
    '/api/v1/x/../me',
    '/api/v1/me%00',
    '/api/v1/me;a',
    '/api/v1/me?',
  ])('that is closed and spelled %s is 401 or 404 and never 200 [W02]', async (path) => {
    expect([401, 404]).toContain((await gateway.request(path)).status);
    expect([401, 404]).toContain((await gateway.request(path, { method: 'HEAD' })).status);
  });
});
