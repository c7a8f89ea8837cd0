import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { expectNobody, fieldOf } from '../../support/contract.suite.js';
import {
  type GatewaySite,
  newGatewaySite,
  type RunningGateway,
  runGateway,
} from '../../support/gateway.runner.js';
import { startOpenIdSide } from '../../support/openid.driver.js';
import { apiAudience, ContractParty } from '../../support/provider.driver.js';
import { UserAgent } from '../../support/user-agent.js';

let site: GatewaySite;
let party: ContractParty;
let gateway: RunningGateway;

beforeAll(async () => {
  site = await newGatewaySite();
  party = new ContractParty(await startOpenIdSide('auth0', site.url), site.url);
  gateway = await runGateway(site, party.side.env);
});

afterAll(async () => {
  await gateway?.stop();
  await party?.side.stop();
  await site?.remove();
});

it('an answer that names the issuer is taken, although Auth0 names none', async () => {
  const discovery = `${party.side.env['AUTH0_DOMAIN']}/.well-known/openid-configuration`;
  const { issuer } = z.looseObject({ issuer: z.string() }).parse(await (await fetch(discovery)).json());
  const agent = new UserAgent(site.url);
  const answer = await party.answer(agent, await party.side.enrol());
  answer.searchParams.set('iss', issuer);
  await agent.navigate(answer.href);
  expect((await agent.fetch('/auth/session')).status).toBe(200);
});

it('access tokens are for AUTH0_AUDIENCE, whatever ours are for', async () => {
  await gateway.restart({ AUTH0_AUDIENCE: apiAudience, TOKEN_AUDIENCE: 'https://product.example.test' });
  const { access_token: accessToken } = await party.tokens(new UserAgent(site.url), await party.side.enrol());
  const app = new UserAgent(site.url);
  expect((await app.post('/auth/login', { accessToken })).status).toBe(200);
  expect(fieldOf(await app.fetch('/auth/session'), 'claims', 'aud')).toBe('https://product.example.test');
});

it('without AUTH0_AUDIENCE the access token of a login is opaque, and of nobody else is one taken', async () => {
  await gateway.restart({ AUTH0_AUDIENCE: '' });
  const agent = new UserAgent(site.url);
  const member = await party.side.enrol();
  await party.logIn(agent, member);
  expect((await agent.fetch('/auth/session')).status).toBe(200);
  const { access_token: accessToken } = await party.tokens(new UserAgent(site.url), member, 'app', '');
  const app = new UserAgent(site.url);
  expect((await app.post('/auth/login', { accessToken })).status).toBe(401);
  await expectNobody(app);
});
