import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfiguration } from '../../src/config/configuration.js';
import { examine } from '../../src/doctor/doctor.service.js';
import { fieldOf } from '../support/contract.suite.js';
import { type DexServer, startDexServer } from '../support/dex.server.js';
import {
  type GatewaySite,
  newGatewaySite,
  type RunningGateway,
  runGateway,
} from '../support/gateway.runner.js';
import { sendForm, travel } from '../support/travel.js';
import { type Page, UserAgent } from '../support/user-agent.js';

let site: GatewaySite;
let server: DexServer;
let gateway: RunningGateway;

beforeAll(async () => {
  site = await newGatewaySite();
  server = await startDexServer(site.url);
  gateway = await runGateway(site, server.env);
}, 300_000);

afterAll(async () => {
  await gateway?.stop();
  await server?.stop();
  await site?.remove();
});

async function logIn(agent: UserAgent): Promise<Page> {
  const { page } = await travel(agent, `${site.url}/auth/login`);
  const { email: login, password } = server.user;
  return (await sendForm(agent, page, { login, password })).page;
}

/** Codes of what the doctor finds about the provider. */
async function findings(env: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const found = await examine(loadConfiguration({ ...site.env, ...server.env, ...env }), { limit: 10_000 });
  return found
    .map(({ code }) => code)
    .filter((code) => code.startsWith('provider_') || code.startsWith('issuer_'));
}

describe('Dex, which has no userinfo_endpoint', () => {
  it('publishes none', async () => {
    const metadata = await fetch(`${server.env['OIDC_ISSUER']}/.well-known/openid-configuration`);
    expect(await metadata.json()).not.toHaveProperty('userinfo_endpoint');
  });

  it('logs a person in by what the ID token says of them, again as the same user, and out', async () => {
    const [one, two] = [new UserAgent(site.url), new UserAgent(site.url)];
    for (const agent of [one, two]) {
      const page = await logIn(agent);
      expect([page.status, page.url]).toEqual([200, `${site.url}/`]);
    }
    const session = await one.fetch('/auth/session');
    const { email, name } = server.user;
    expect(session.json()).toMatchObject({ user: { email, emailVerified: true, name }, provider: 'oidc' });
    expect(fieldOf(await two.fetch('/auth/session'), 'user', 'id')).toBe(fieldOf(session, 'user', 'id'));
    await one.post('/auth/logout', {});
    expect((await one.fetch('/auth/session')).status).toBe(401);
    expect((await two.fetch('/auth/session')).status).toBe(200);
  });

  it('the doctor finds nothing, and names a wrong issuer', async () => {
    expect(await findings()).toEqual([]);
    expect(await findings({ OIDC_ISSUER: String(server.env['OIDC_ISSUER']).slice(0, -1) })).toEqual([
      'provider_unreachable',
    ]);
  });

  it('a wrong client secret is named by the doctor, in the log and on the page', async () => {
    const wrong = { OIDC_CLIENT_SECRET: 'not-the-secret' };
    expect(await findings(wrong)).toEqual(['provider_client_refused']);
    await gateway.restart(wrong);
    const page = await logIn(new UserAgent(site.url));
    expect([page.status, page.html().querySelector('code')?.text]).toEqual([502, 'provider_misconfigured']);
    expect(gateway.log.filter((line) => line.includes('provider_invalid_client'))).not.toEqual([]);
    await gateway.restart(server.env);
    expect((await logIn(new UserAgent(site.url))).status).toBe(200);
  });

  it('a redirect URI that is not registered is named by the doctor', async () => {
    expect(await findings({ PUBLIC_URL: 'http://localhost:9' })).toEqual(['provider_redirect_uri_refused']);
  });
});
