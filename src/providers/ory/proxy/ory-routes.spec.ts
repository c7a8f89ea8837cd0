import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hydraRoutes, isExposed, kratosRoutes } from './ory-routes.js';

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT', 'get', ''];

const closedAtKratos = [
  '',
  '/',
  '/admin',
  '/admin/identities',
  '/identities',
  '/sessions',
  '/sessions/token-exchange',
  '/health/ready',
  '/self-service/login/api',
  '/self-service/registration/api',
  '/self-service/recovery/code',
  '/schemas/default',
  '/self-service/login/browser/',
  '//self-service/login',
  '/self-service//login',
  '/self-service/login/../../admin/identities',
  '/self-service/login%2fbrowser',
  '/%73elf-service/login',
  '/self-service/login;x',
  '/sessions/whoami/',
  '/self-service/methods/oidc/callback/../../../admin',
  '/self-service/login\n',
  '/version',
  '/metrics/prometheus',
];
const closedAtHydra = [
  '',
  '/',
  '/admin',
  '/admin/clients',
  '/admin/oauth2/introspect',
  '/clients',
  '/oauth2/introspect',
  '/oauth2/flush',
  '/oauth2/auth/requests/login/accept',
  '/oauth2/register',
  '/oauth2/token/',
  '//oauth2/token',
  '/oauth2/../admin/clients',
  '/oauth2%2ftoken',
  '/oauth2/auth/',
  '/.well-known/jwks.json/../../admin',
  '/keys/hydra.openid.id-token',
  '/health/ready',
  '/credentials',
  '/oauth2/device/auth',
];

describe('what the proxy lets through', () => {
  it.each(closedAtKratos)('Kratos %j: nothing, with any method', (path) => {
    expect(methods.filter((method) => isExposed(kratosRoutes, method, path))).toEqual([]);
  });

  it.each(closedAtHydra)('Hydra %j: nothing, with any method', (path) => {
    expect(methods.filter((method) => isExposed(hydraRoutes, method, path))).toEqual([]);
  });

  it.each([
    ['GET', '/self-service/login/browser'],
    ['POST', '/self-service/login'],
    ['GET', '/self-service/settings/flows'],
    ['GET', '/self-service/logout'],
    ['GET', '/sessions/whoami'],
    ['GET', '/self-service/methods/oidc/callback/github'],
  ])('Kratos %s %s', (method, path) => {
    expect(isExposed(kratosRoutes, method, path)).toBe(true);
    expect(isExposed(kratosRoutes, 'DELETE', path)).toBe(false);
  });

  it.each([
    ['GET', '/oauth2/auth'],
    ['POST', '/oauth2/token'],
    ['POST', '/oauth2/revoke'],
    ['GET', '/userinfo'],
    ['GET', '/.well-known/openid-configuration'],
    ['OPTIONS', '/.well-known/jwks.json'],
  ])('Hydra %s %s', (method, path) => {
    expect(isExposed(hydraRoutes, method, path)).toBe(true);
    expect(isExposed(hydraRoutes, 'DELETE', path)).toBe(false);
  });

  it('no path with an encoding, an empty or dotted segment, or an admin part, whatever it is', () => {
    const segment = fc.oneof(
      fc.constantFrom(
        'self-service',
        'login',
        'oauth2',
        'token',
        'sessions',
        'whoami',
        '.well-known',
        'admin',
        '..',
        '.',
        '',
      ),
      fc.string({ maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 7 }), fc.constantFrom(...methods), (segments, method) => {
        const path = `/${segments.join('/')}`;
        const exposed = isExposed(kratosRoutes, method, path) || isExposed(hydraRoutes, method, path);
        const plain = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.-]+)+$/.test(path) && !path.includes('admin');
        expect(exposed && !plain).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });
});
