import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fieldOf } from '../support/contract.suite.js';
import {
  type GatewaySite,
  newGatewaySite,
  type RunningGateway,
  runGateway,
} from '../support/gateway.runner.js';
import { type OpenIdSide, startOpenIdSide } from '../support/openid.driver.js';
import { ContractParty } from '../support/provider.driver.js';
import { UserAgent } from '../support/user-agent.js';

let site: GatewaySite;
let side: OpenIdSide;
let party: ContractParty;
let gateway: RunningGateway;

beforeAll(async () => {
  site = await newGatewaySite();
  side = await startOpenIdSide('oidc', site.url);
  party = new ContractParty(side, site.url);
  gateway = await runGateway(site, side.env);
});

afterAll(async () => {
  await gateway?.stop();
  await side?.stop();
  await site?.remove();
});

it('a login whose session fits into no cookie begins none, ends none, and is written down as failed', async () => {
  const member = await side.enrol();
  const agent = new UserAgent(site.url);
  await party.logIn(agent, member);
  side.change(member, { name: 'n'.repeat(4000) });
  const { access_token: accessToken } = await party.tokens(new UserAgent(site.url), member);

  const answer = await agent.post('/auth/login', { accessToken });
  expect([answer.status, fieldOf(answer, 'code')]).toEqual([422, 'session_too_large']);
  expect(answer.headers.getSetCookie()).toEqual([]);

  const sessions = await gateway.query().selectFrom('sessions').select('ended_at').execute();
  expect(sessions).toEqual([{ ended_at: null }]);
  expect((await agent.fetch('/auth/session')).status).toBe(200);
  const events = await gateway.auditTrail();
  expect(events.filter(({ type }) => type.startsWith('login_'))).toEqual([
    expect.objectContaining({ type: 'login_succeeded' }),
    expect.objectContaining({ type: 'login_failed', reason: 'session_too_large' }),
  ]);
});

it('an exchange of the same access token needs no cookie, and is answered', async () => {
  const member = await side.enrol();
  side.change(member, { name: 'n'.repeat(4000) });
  const { access_token: accessToken } = await party.tokens(new UserAgent(site.url), member);
  const body = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: accessToken,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  });
  const answer = await new UserAgent(site.url).fetch('/auth/token', { method: 'POST', body });
  expect(answer.status).toBe(200);
});

it('a login that fails once its session is stored takes it back, and the one before goes on in SQL', async () => {
  const member = await side.enrol();
  const agent = new UserAgent(site.url);
  await party.logIn(agent, member);
  const { access_token: accessToken } = await party.tokens(new UserAgent(site.url), member);
  const known = await gateway.query().selectFrom('sessions').select('id').execute();
  await sql`create trigger no_end before update on sessions when new.end_reason = 'replaced_by_login'
    begin select raise(abort, 'as a database that fails'); end`.execute(gateway.query());
  try {
    expect((await agent.post('/auth/login', { accessToken })).status).toBeGreaterThanOrEqual(500);
  } finally {
    await sql`drop trigger no_end`.execute(gateway.query());
  }
  const begun = await gateway
    .query()
    .selectFrom('sessions')
    .select(['ended_at', 'end_reason'])
    .where(
      'id',
      'not in',
      known.map(({ id }) => id),
    )
    .execute();
  expect(begun).toEqual([{ ended_at: expect.any(Number), end_reason: 'login_failed' }]);
});

it('a login that is refused for its size redeems no invite; the next one does', async () => {
  const owner = new UserAgent(site.url);
  await party.logIn(owner, await side.enrol());
  const org = await owner.post('/api/v1/orgs', { name: 'Analytical Engines' });
  const made = await owner.post(`/api/v1/orgs/${String(fieldOf(org, 'id'))}/invites`, {});
  const inviteToken = new URL(String(fieldOf(made, 'url'))).searchParams.get('invite') ?? '';

  const member = await side.enrol();
  side.change(member, { name: 'n'.repeat(4000) });
  const large = await party.tokens(new UserAgent(site.url), member);
  const agent = new UserAgent(site.url);
  const refused = await agent.post('/auth/login', { accessToken: large.access_token, inviteToken });
  expect([refused.status, fieldOf(refused, 'code')]).toEqual([422, 'session_too_large']);

  side.change(member, { name: 'Ada' });
  const small = await party.tokens(new UserAgent(site.url), member);
  expect((await agent.post('/auth/login', { accessToken: small.access_token, inviteToken })).status).toBe(
    200,
  );
  const session = await agent.fetch('/auth/session');
  expect(fieldOf(session, 'claims', 'org', 'id')).toBe(fieldOf(org, 'id'));
});
