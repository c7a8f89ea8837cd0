import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfiguration } from '../../src/config/configuration.js';
import { examine } from '../../src/doctor/doctor.service.js';
import { startFaultyProxy, type FaultyProxy } from '../support/faulty.proxy.js';
import { findFreePorts } from '../../src/embedded/port.finder.js';
import {
  type GatewaySite,
  newGatewaySite,
  type RunningGateway,
  runGateway,
} from '../support/gateway.runner.js';
import { sendForm, travel } from '../support/travel.js';
import { type Page, UserAgent } from '../support/user-agent.js';
import { startZitadelServer, type ZitadelServer } from '../support/zitadel.server.js';

let site: GatewaySite;
let server: ZitadelServer;
let gateway: RunningGateway;

beforeAll(async () => {
  site = await newGatewaySite();
  server = await startZitadelServer(site.url);
  gateway = await runGateway(site, server.env);
}, 300_000);

afterAll(async () => {
  await gateway?.stop();
  await server?.stop();
  await site?.remove();
});

async function logIn(agent: UserAgent): Promise<Page> {
  const { page } = await travel(agent, `${site.url}/auth/login`);
  const { username, password } = server.user;
  return (await sendForm(agent, page, { username, password })).page;
}

/** Codes of what the doctor finds about the provider. */
async function findings(env: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const found = await examine(loadConfiguration({ ...site.env, ...server.env, ...env }), { limit: 10_000 });
  return found
    .map(({ code }) => code)
    .filter((code) => code.startsWith('provider_') || code.startsWith('issuer_'));
}

describe('zitadel’s OpenID provider, with nothing set but what docs/providers.md says', () => {
  it('logs a person in, with what it tells of them', async () => {
    const agent = new UserAgent(site.url);
    const page = await logIn(agent);
    expect([page.status, page.url]).toEqual([200, `${site.url}/`]);
    const { email, name } = server.user;
    expect((await agent.fetch('/auth/session')).json()).toMatchObject({
      user: { email, emailVerified: true, name },
      provider: 'oidc',
    });
  });

  it('logs the same person in again, as the same user, and out', async () => {
    const [one, two] = [new UserAgent(site.url), new UserAgent(site.url)];
    await logIn(one);
    await logIn(two);
    const idOf = async (agent: UserAgent): Promise<unknown> =>
      Reflect.get(Object(Reflect.get(Object((await agent.fetch('/auth/session')).json()), 'user')), 'id');
    expect(await idOf(two)).toBe(await idOf(one));
    expect(await idOf(one)).toEqual(expect.any(String));
    await one.post('/auth/logout', {});
    expect((await one.fetch('/auth/session')).status).toBe(401);
    expect((await two.fetch('/auth/session')).status).toBe(200);
  });

  it('the doctor finds nothing', async () => {
    expect(await findings()).toEqual([]);
  });

  it('a wrong client secret is named by the doctor, in the log and on the page, which blames no cookies', async () => {
    const wrong = { OIDC_CLIENT_SECRET: 'not-the-secret' };
    expect(await findings(wrong)).toEqual(['provider_client_refused']);
    await gateway.restart(wrong);
    const page = await logIn(new UserAgent(site.url));
    expect([page.status, page.html().querySelector('code')?.text]).toEqual([502, 'provider_misconfigured']);
    expect(page.text).toContain('refused this site');
    expect(page.text).not.toMatch(/cookie/i);
    expect(gateway.log.filter((line) => line.includes('provider_invalid_client'))).not.toEqual([]);
    await gateway.restart(server.env);
    expect((await logIn(new UserAgent(site.url))).status).toBe(200);
  });

  it('a redirect URI that is not registered is named by the doctor', async () => {
    expect(await findings({ PUBLIC_URL: 'http://localhost:9' })).toEqual(['provider_redirect_uri_refused']);
  });
});

describe('its metadata, changed on the way', () => {
  const discovery = '/.well-known/openid-configuration';
  let wire: FaultyProxy;
  let env: Record<string, string>;

  beforeAll(async () => {
    const [port = 0] = await findFreePorts(1);
    wire = await startFaultyProxy(port, server.env['OIDC_ISSUER']?.slice(0, -1) ?? '');
    env = { OIDC_ISSUER: `${wire.url}/` };
  });

  afterAll(async () => {
    await wire?.stop();
  });

  /** What a person sees who wants to log in. */
  async function codeShown(): Promise<unknown> {
    const { page } = await travel(new UserAgent(site.url), `${site.url}/auth/login`);
    return [page.status, page.html().querySelector('code')?.text];
  }

  it('another issuer is named by the doctor and on the page', async () => {
    expect(await findings(env)).toEqual(['issuer_mismatch']);
    await gateway.restart(env, false);
    expect(await codeShown()).toEqual([502, 'provider_misconfigured']);
    expect((await gateway.readiness()).details).toMatchObject({
      provider: { status: 'degraded', reason: 'provider_issuer_mismatch' },
    });
  });

  it.each(['authorization_endpoint', 'token_endpoint', 'jwks_uri'])(
    'without %s: named by the doctor and on the page',
    async (name) => {
      wire.rewrite(discovery, ({ [name]: _left, ...rest }) => ({ ...rest, issuer: env['OIDC_ISSUER'] }));
      expect(await findings(env)).toEqual(['provider_metadata_incomplete']);
      await gateway.restart(env, false);
      expect(await codeShown()).toEqual([502, 'provider_misconfigured']);
      expect((await gateway.readiness()).details).toMatchObject({
        provider: { status: 'degraded', reason: `provider_without_${name}` },
      });
      wire.reset();
    },
  );
});
