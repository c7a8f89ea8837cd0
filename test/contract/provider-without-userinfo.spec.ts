import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fieldOf } from '../support/contract.suite.js';
import {
  type GatewaySite,
  newGatewaySite,
  type RunningGateway,
  runGateway,
} from '../support/gateway.runner.js';
import { startOpenIdSide } from '../support/openid.driver.js';
import { ContractParty } from '../support/provider.driver.js';
import { UserAgent } from '../support/user-agent.js';

describe('a provider without a userinfo_endpoint', () => {
  let site: GatewaySite;
  let party: ContractParty;
  let gateway: RunningGateway;

  beforeAll(async () => {
    site = await newGatewaySite();
    const side = await startOpenIdSide('oidc', site.url, { tellsOnlyByIdToken: true });
    party = new ContractParty(side, site.url);
    gateway = await runGateway(site, { ...side.env, CLAIMS_MAP: 'department=department' });
  });

  afterAll(async () => {
    await gateway?.stop();
    await party?.side.stop();
    await site?.remove();
  });

  it('publishes none', async () => {
    const metadata = await fetch(`${party.side.env['OIDC_ISSUER']}/.well-known/openid-configuration`);
    expect(await metadata.json()).not.toHaveProperty('userinfo_endpoint');
  });

  it('logs people in by what the ID token says of them, mapped claims too', async () => {
    const member = await party.side.enrol();
    const agent = new UserAgent(site.url);
    const page = await party.logIn(agent, member);
    expect([page.status, page.url]).toEqual([200, `${site.url}/`]);
    const session = await agent.fetch('/auth/session');
    const { email, emailVerified, name, picture } = member;
    expect(fieldOf(session, 'user')).toMatchObject({ email, emailVerified, name, picture });
    expect(fieldOf(session, 'claims')).toMatchObject({ department: expect.any(String) });
  });

  it('a session of it is renewed', async () => {
    const agent = new UserAgent(site.url);
    await party.logIn(agent, await party.side.enrol());
    await gateway.restart({ TOKEN_TTL: '1m' });
    expect((await agent.fetch('/auth/session')).status).toBe(200);
  });

  it('an access token that an application brings is taken for whom it says', async () => {
    const member = await party.side.enrol();
    const { access_token: accessToken } = await party.tokens(new UserAgent(site.url), member);
    const agent = new UserAgent(site.url);
    expect((await agent.post('/auth/login', { accessToken })).status).toBe(200);
    expect((await agent.fetch('/auth/session')).status).toBe(200);
  });
});
