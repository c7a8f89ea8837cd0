import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { z } from 'zod';
import { fieldOf } from '../support/contract.suite.js';
import {
  type GatewaySite,
  newGatewaySite,
  type RunningGateway,
  runGateway,
} from '../support/gateway.runner.js';
import { type OpenIdSide, type OpenIdSideOptions, startOpenIdSide } from '../support/openid.driver.js';
import { ContractParty, type Member } from '../support/provider.driver.js';
import { rawRequest } from '../support/raw.request.js';
import { startReplicas } from '../support/replicas.js';
import { UserAgent } from '../support/user-agent.js';

const sessionSchema = z.looseObject({
  user: z.object({
    id: z.string(),
    email: z.string(),
    emailVerified: z.boolean(),
    name: z.string(),
    picture: z.string().nullable(),
  }),
});
/** Longer than a token of ours lives, in seconds. */
const renewalDue = 700;

describe.each(['oidc', 'auth0'] as const)('with %s, what the provider says of a person', (name) => {
  let site: GatewaySite;
  let side: OpenIdSide;
  let gateway: RunningGateway;
  let agent: UserAgent;
  let member: Member;

  beforeEach(async () => {
    site = await newGatewaySite();
  });

  afterEach(async () => {
    await gateway?.stop();
    await side?.stop();
    await site?.remove();
  });

  /** Somebody has logged in at a gateway with this provider. */
  async function logIn(
    options: OpenIdSideOptions = {},
    settings: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    side = await startOpenIdSide(name, site.url, options);
    gateway = await runGateway(site, { ...side.env, ...settings });
    agent = new UserAgent(site.url);
    member = await side.enrol();
    await new ContractParty(side, site.url).logIn(agent, member);
    expect(await factsNow()).toMatchObject({ email: member.email, emailVerified: true, name: member.name });
  }

  /** The clock of the gateway, so many renewals later. */
  function afterRenewals(count: number): void {
    gateway.shiftClock(count * renewalDue);
  }

  function hours(count: number): void {
    gateway.shiftClock(count * 3600);
  }

  /** Whether the session goes on, and why not if it doesn't. */
  async function stateNow(): Promise<{ status: number; reason: string | null | undefined }> {
    const { status } = await agent.fetch('/auth/session');
    const ended = (await gateway.auditTrail()).find(({ type }) => type === 'session_ended');
    return { status, reason: ended?.reason };
  }

  async function factsNow(): Promise<z.output<typeof sessionSchema>['user']> {
    const answer = await agent.fetch('/auth/session');
    expect(answer.status).toBe(200);
    return sessionSchema.parse(answer.json()).user;
  }

  async function grants(): Promise<readonly string[]> {
    const rows = await gateway.query().selectFrom('provider_grants').select('sealed').execute();
    return rows.map(({ sealed }) => sealed);
  }

  it('is in the session from the next renewal on: the old address is not left with "verified"', async () => {
    await logIn();
    const changed = { email: 'new@example.org', email_verified: false, name: 'Grace Hopper' };
    side.change(member, changed);
    afterRenewals(1);
    expect(await factsNow()).toMatchObject({
      email: 'new@example.org',
      emailVerified: false,
      name: 'Grace Hopper',
    });
    side.change(member, { email_verified: true });
    afterRenewals(2);
    expect(await factsNow()).toMatchObject({ email: 'new@example.org', emailVerified: true });
  });

  it.each([
    ['an access token', {}],
    ['a refresh token', { refreshes: true }],
  ] as const)(
    'is in the claims of CLAIMS_MAP from the next renewal on, by %s: none is left',
    async (_by, options) => {
      await logIn(options, { CLAIMS_MAP: 'team=department,alias=name,hidden=department@admin' });
      const claimsNow = async (): Promise<unknown> => fieldOf(await agent.fetch('/auth/session'), 'claims');
      expect(await claimsNow()).toMatchObject({ team: 'Engines' });
      side.change(member, { name: 'Grace', extra: { department: 'Looms' } });
      afterRenewals(1);
      expect(await claimsNow()).toMatchObject({ team: 'Looms', alias: 'Grace' });
      // What no token can have is left as it was, and what no cookie can hold.
      for (const [count, department] of [
        { x: 1 },
        Array.from({ length: 60 }, () => 'Looms'.repeat(20)),
      ].entries()) {
        side.change(member, { name: 'Hedy', extra: { department } });
        afterRenewals(count + 2);
        expect(await claimsNow()).toMatchObject({ team: 'Looms', alias: 'Grace' });
      }
      side.change(member, { extra: {} });
      afterRenewals(4);
      const claims = await claimsNow();
      expect(claims).toMatchObject({ alias: 'Hedy' });
      expect(claims).not.toHaveProperty('team');
      expect(claims).not.toHaveProperty('hidden');
    },
  );

  it('leaves the claims of CLAIMS_MAP as they were while no cookie holds them beside what else has changed', async () => {
    await logIn({}, { CLAIMS_MAP: 'team=department' });
    const claimsNow = async (): Promise<unknown> => fieldOf(await agent.fetch('/auth/session'), 'claims');
    const [name, team] = ['n'.repeat(1300), Array.from({ length: 12 }, () => 'Looms'.repeat(20))];
    side.change(member, { name, extra: { department: team } });
    afterRenewals(1);
    expect(await claimsNow()).toMatchObject({ name, team: 'Engines' });
    side.change(member, { name: 'Grace' });
    afterRenewals(2);
    expect(await claimsNow()).toMatchObject({ name: 'Grace', team });
  });

  it('is asked with a refresh token when the access token is over', async () => {
    await logIn({ refreshes: true });
    side.change(member, { name: 'Grace Hopper' });
    const before = await grants();
    side.endAccessTokens();
    afterRenewals(1);
    expect((await factsNow()).name).toBe('Grace Hopper');
    expect(await grants()).toHaveLength(1);
    expect(await grants()).not.toEqual(before);
  });

  it('stays as at login when no token is good for it any more, and nobody is asked', async () => {
    await logIn();
    side.change(member, { name: 'Grace Hopper' });
    const asked = side.asked();
    hours(2);
    expect((await factsNow()).name).toBe(member.name);
    expect(side.asked()).toEqual(asked);
  });

  it('is asked by tokens that are encrypted at rest, and gone with the session', async () => {
    await logIn();
    const [sealed = ''] = await grants();
    expect(sealed).toMatch(/^[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/);
    await agent.post('/auth/logout', {});
    expect(await grants()).toEqual([]);
  });

  it.each([{ refreshes: true }, {}])('a refusal ends the session (%j)', async (options) => {
    await logIn(options);
    await side.disable(member);
    afterRenewals(1);
    expect(await stateNow()).toEqual({ status: 401, reason: 'provider_session_ended' });
    expect(gateway.log.some((line) => line.includes('a session was ended by its provider'))).toBe(true);
    expect(await grants()).toEqual([]);
  });

  it('without a way to ask, the session ends after SESSION_UNCONFIRMED_TTL [L32]', async () => {
    await logIn();
    hours(11.9);
    expect((await stateNow()).status).toBe(200);
    hours(12.1);
    expect(await stateNow()).toEqual({ status: 401, reason: 'session_unconfirmed' });
  });

  // From here on the two are the same code: a grant that a login stored, and what comes of it.
  describe.each(name === 'oidc' ? [name] : [])('of which a login by %s has told', () => {
    it('has an address whose domain is in one spelling', async () => {
      await logIn();
      side.change(member, { email: 'ada@B\u00FCcher.ex\uFF41mple', email_verified: true });
      afterRenewals(1);
      expect(await factsNow()).toMatchObject({ email: 'ada@xn--bcher-kva.example', emailVerified: true });
    });

    it('stays as it was while the provider is away, and nobody is logged out for it', async () => {
      await logIn();
      side.change(member, { name: 'Grace Hopper' });
      side.wire.down();
      afterRenewals(1);
      expect(await factsNow()).toMatchObject({ email: member.email, name: member.name });
      side.wire.reset();
      afterRenewals(2);
      await expect
        .poll(
          async () => {
            afterRenewals(2 + Math.random());
            return (await factsNow()).name;
          },
          { timeout: 60_000 },
        )
        .toBe('Grace Hopper');
    });

    it.each([
      ['token', 400, 'access_denied', 401],
      ['token', 400, 'interaction_required', 401],
      ['token', 403, 'mfa_required', 401],
      ['userinfo', 403, 'insufficient_scope', 401],
      ['userinfo', 401, 'Unauthorized', 200],
      ['token', 401, 'invalid_client', 200],
      ['token', 401, 'access_denied', 200],
      ['token', 400, 'unauthorized_client', 200],
    ] as const)(
      '%s answers %i %s at a renewal: the session, %i',
      async (endpoint, answered, error, status) => {
        await logIn({ refreshes: true });
        side.refuse(endpoint, answered, error);
        afterRenewals(1);
        const reason = status === 401 ? 'provider_session_ended' : undefined;
        expect(await stateNow()).toEqual({ status, reason });
        expect((await gateway.auditTrail()).some(({ type }) => type === 'renewal_grace')).toBe(
          status === 200,
        );
      },
    );

    it('a login of which the means to ask later cannot be stored fails, and leaves no session', async () => {
      await logIn({ refreshes: true });
      const refusal = `CREATE TRIGGER refuse BEFORE INSERT ON provider_grants BEGIN SELECT RAISE(ABORT, 'no'); END`;
      await sql.raw(refusal).execute(gateway.query());
      const other = new UserAgent(site.url);
      expect(
        (await new ContractParty(side, site.url).logIn(other, await side.enrol())).status,
      ).toBeGreaterThan(499);
      expect(await other.cookie('vestibule')).toBeUndefined();
      const live = await gateway
        .query()
        .selectFrom('sessions')
        .where('ended_at', 'is', null)
        .select('id')
        .execute();
      expect(live).toHaveLength(1);
    });

    it('a refusal of the token ends the session although its time is not over', async () => {
      await logIn();
      side.endAccessTokens();
      afterRenewals(1);
      expect(await stateNow()).toEqual({ status: 401, reason: 'provider_session_ended' });
    });

    it('that limit is a setting, which holds for sessions that there are', async () => {
      await logIn();
      await gateway.restart({ SESSION_UNCONFIRMED_TTL: '3h' });
      hours(2.9);
      expect((await stateNow()).status).toBe(200);
      hours(3.1);
      expect(await stateNow()).toEqual({ status: 401, reason: 'session_unconfirmed' });
    });

    it('a session of an older version, which kept nothing to ask with, ends after it too', async () => {
      await logIn({ refreshes: true });
      await gateway.query().deleteFrom('provider_grants').execute();
      hours(11.9);
      expect((await stateNow()).status).toBe(200);
      hours(12.1);
      expect(await stateNow()).toEqual({ status: 401, reason: 'session_unconfirmed' });
    });

    it('a session that a refresh token confirms goes on beyond it', async () => {
      await logIn({ refreshes: true });
      for (const passed of [7, 14, 21]) {
        hours(passed);
        expect((await stateNow()).status).toBe(200);
      }
    });

    it('a provider that is away, or refuses the deployment, is waited for an hour, audited', async () => {
      await logIn({ refreshes: true });
      side.wire.down();
      afterRenewals(1);
      expect((await stateNow()).status).toBe(200);
      expect(await gateway.auditTrail()).toContainEqual(expect.objectContaining({ type: 'renewal_grace' }));
      hours(1.1);
      expect(await stateNow()).toEqual({ status: 503, reason: undefined });
      side.wire.reset();
      await expect.poll(async () => (await stateNow()).status, { timeout: 30_000 }).toBe(200);
    });

    it('replicas that ask at the same time are all refused when the provider refuses, and none grants a grace', async () => {
      await logIn({ refreshes: true });
      const [second] = await startReplicas({ env: { ...site.env, ...side.env } }, 1);
      try {
        await side.disable(member);
        side.wire.slow(200);
        afterRenewals(1);
        second?.shiftClock(renewalDue);
        const cookie = `vestibule=${await agent.cookie('vestibule')}`;
        const request = { path: '/auth/session', headers: { cookie, host: new URL(site.url).host } };
        const answers = await Promise.all(
          [site.url, second?.url ?? ''].map(async (url) => rawRequest(url, request)),
        );
        expect(answers.map(({ status }) => status)).toEqual([401, 401]);
      } finally {
        await second?.stop();
      }
      expect((await gateway.auditTrail()).map(({ type }) => type)).not.toContain('renewal_grace');
    });

    it('replicas that ask at the same time use a refresh token once, and the session goes on', async () => {
      await logIn({ refreshes: true });
      const [second] = await startReplicas({ env: { ...site.env, ...side.env } }, 1);
      const before = side.asked().token;
      const rounds = [1, 2, 3, 4, 5, 6];
      try {
        side.wire.slow(200);
        for (const round of rounds) {
          afterRenewals(round);
          second?.shiftClock(round * renewalDue);
          const cookie = `vestibule=${await agent.cookie('vestibule')}`;
          const request = { path: '/auth/session', headers: { cookie, host: new URL(site.url).host } };
          const answers = await Promise.all(
            [site.url, second?.url ?? ''].map(async (url) => rawRequest(url, request)),
          );
          expect(answers.map(({ status }) => status)).toEqual([200, 200]);
        }
      } finally {
        await second?.stop();
      }
      expect(side.asked().token - before).toBe(rounds.length);
    });
  });
});

describe('a provider that lists offline_access, and refuses it to this client', () => {
  let site: GatewaySite;
  let side: OpenIdSide;
  let gateway: RunningGateway;

  beforeEach(async () => {
    site = await newGatewaySite();
    side = await startOpenIdSide('oidc', site.url, { refusesOfflineAccess: true });
    gateway = await runGateway(site, side.env);
  });

  afterEach(async () => {
    await gateway?.stop();
    await side?.stop();
    await site?.remove();
  });

  const refusals = (): number => gateway.log.filter((line) => line.includes('offline_access_refused')).length;

  it('is asked without it, and the log names the setting', async () => {
    const agent = new UserAgent(site.url);
    await new ContractParty(side, site.url).logIn(agent, await side.enrol(), '/auth/session');
    expect((await agent.fetch('/auth/session')).status).toBe(200);
    expect(refusals()).toBe(1);
    expect(gateway.log.some((line) => line.includes('OIDC_SCOPES'))).toBe(true);
  });

  it('is asked once for scopes of the settings', async () => {
    await gateway.restart({ OIDC_SCOPES: 'openid offline_access' });
    const page = await new ContractParty(side, site.url).ask(new UserAgent(site.url));
    expect([page.status, page.html().querySelector('code')?.text]).toEqual([502, 'provider_misconfigured']);
    expect(refusals()).toBe(0);
  });
});
