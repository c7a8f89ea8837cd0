import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { startFaultyProxy, type FaultyProxy } from '../support/faulty.proxy.js';
import { useOtherProvider } from '../support/other.provider.js';
import { travel } from '../support/travel.js';
import { UserAgent } from '../support/user-agent.js';
import { startZitadelServer } from '../support/zitadel.server.js';

const zitadel = useOtherProvider(startZitadelServer);

describe('zitadel’s OpenID provider, with nothing set but what docs/providers.md says', () => {
  it('logs a person in, with what it tells of them', async () => {
    const agent = new UserAgent(zitadel.site.url);
    const page = await zitadel.logIn(agent);
    expect([page.status, page.url]).toEqual([200, `${zitadel.site.url}/`]);
    const { email, name } = zitadel.server.user;
    expect((await agent.fetch('/auth/session')).json()).toMatchObject({
      user: { email, emailVerified: true, name },
      provider: 'oidc',
    });
  });

  it('logs the same person in again, as the same user, and out', async () => {
    const [one, two] = [new UserAgent(zitadel.site.url), new UserAgent(zitadel.site.url)];
    await zitadel.logIn(one);
    await zitadel.logIn(two);
    const idOf = async (agent: UserAgent): Promise<unknown> =>
      Reflect.get(Object(Reflect.get(Object((await agent.fetch('/auth/session')).json()), 'user')), 'id');
    expect(await idOf(two)).toBe(await idOf(one));
    expect(await idOf(one)).toEqual(expect.any(String));
    await one.post('/auth/logout', {});
    expect((await one.fetch('/auth/session')).status).toBe(401);
    expect((await two.fetch('/auth/session')).status).toBe(200);
  });

  it('the doctor finds nothing', async () => {
    expect(await zitadel.findings()).toEqual([]);
  });

  it('a wrong client secret is named by the doctor, in the log and on the page, which blames no cookies', async () => {
    const page = await zitadel.expectSecretNamed();
    expect(page.text).toContain('refused this site');
    expect(page.text).not.toMatch(/cookie/i);
  });

  it('a redirect URI that is not registered is named by the doctor', async () => {
    expect(await zitadel.findings({ PUBLIC_URL: 'http://localhost:9' })).toEqual([
      'provider_redirect_uri_refused',
    ]);
  });
});

describe('its metadata, changed on the way', () => {
  const discovery = '/.well-known/openid-configuration';
  let wire: FaultyProxy;
  let env: Record<string, string>;

  beforeAll(async () => {
    const [port = 0] = await findFreePorts(1);
    wire = await startFaultyProxy(port, zitadel.server.env['OIDC_ISSUER']?.slice(0, -1) ?? '');
    env = { OIDC_ISSUER: `${wire.url}/` };
  });

  afterAll(async () => {
    await wire?.stop();
  });

  /** What a person sees who wants to log in. */
  async function codeShown(): Promise<unknown> {
    const { page } = await travel(new UserAgent(zitadel.site.url), `${zitadel.site.url}/auth/login`);
    return [page.status, page.html().querySelector('code')?.text];
  }

  it('another issuer is named by the doctor and on the page', async () => {
    expect(await zitadel.findings(env)).toEqual(['issuer_mismatch']);
    await zitadel.gateway.restart(env, false);
    expect(await codeShown()).toEqual([502, 'provider_misconfigured']);
    expect((await zitadel.gateway.readiness()).details).toMatchObject({
      provider: { status: 'degraded', reason: 'provider_issuer_mismatch' },
    });
  });

  it.each(['authorization_endpoint', 'token_endpoint', 'jwks_uri'])(
    'without %s: named by the doctor and on the page',
    async (name) => {
      wire.rewrite(discovery, ({ [name]: _left, ...rest }) => ({ ...rest, issuer: env['OIDC_ISSUER'] }));
      expect(await zitadel.findings(env)).toEqual(['provider_metadata_incomplete']);
      await zitadel.gateway.restart(env, false);
      expect(await codeShown()).toEqual([502, 'provider_misconfigured']);
      expect((await zitadel.gateway.readiness()).details).toMatchObject({
        provider: { status: 'degraded', reason: `provider_without_${name}` },
      });
      wire.reset();
    },
  );
});
