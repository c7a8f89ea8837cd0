import { describe, expect, it } from 'vitest';
import { fieldOf } from '../support/contract.suite.js';
import { startDexServer } from '../support/dex.server.js';
import { useOtherProvider } from '../support/other.provider.js';
import { UserAgent } from '../support/user-agent.js';

const dex = useOtherProvider(startDexServer);

describe('Dex, which has no userinfo_endpoint', () => {
  it('publishes none', async () => {
    const metadata = await fetch(`${dex.server.env['OIDC_ISSUER']}/.well-known/openid-configuration`);
    expect(await metadata.json()).not.toHaveProperty('userinfo_endpoint');
  });

  it('logs a person in by what the ID token says of them, again as the same user, and out', async () => {
    const [one, two] = [new UserAgent(dex.site.url), new UserAgent(dex.site.url)];
    for (const agent of [one, two]) {
      const page = await dex.logIn(agent);
      expect([page.status, page.url]).toEqual([200, `${dex.site.url}/`]);
    }
    const session = await one.fetch('/auth/session');
    const { email, name } = dex.server.user;
    expect(session.json()).toMatchObject({ user: { email, emailVerified: true, name }, provider: 'oidc' });
    expect(fieldOf(await two.fetch('/auth/session'), 'user', 'id')).toBe(fieldOf(session, 'user', 'id'));
    await one.post('/auth/logout', {});
    expect((await one.fetch('/auth/session')).status).toBe(401);
    expect((await two.fetch('/auth/session')).status).toBe(200);
  });

  it('the doctor finds nothing, and names a wrong issuer', async () => {
    expect(await dex.findings()).toEqual([]);
    expect(await dex.findings({ OIDC_ISSUER: String(dex.server.env['OIDC_ISSUER']).slice(0, -1) })).toEqual([
      'provider_unreachable',
    ]);
  });

  it('a wrong client secret is named by the doctor, in the log and on the page', async () => {
    const page = await dex.expectSecretNamed();
    expect(page.text).toContain('refused this site');
  });

  it('a redirect URI that is not registered is named by the doctor', async () => {
    expect(await dex.findings({ PUBLIC_URL: 'http://localhost:9' })).toEqual([
      'provider_redirect_uri_refused',
    ]);
  });
});
