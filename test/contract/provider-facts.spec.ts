import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  type GatewaySite,
  newGatewaySite,
  type RunningGateway,
  runGateway,
} from '../support/gateway.runner.js';
import { type OpenIdSide, type OpenIdSideOptions, startOpenIdSide } from '../support/openid.driver.js';
import { ContractParty, type Member } from '../support/provider.driver.js';
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
  async function logIn(options: OpenIdSideOptions = {}): Promise<void> {
    side = await startOpenIdSide(name, site.url, options);
    gateway = await runGateway(site, side.env);
    agent = new UserAgent(site.url);
    member = await side.enrol();
    await new ContractParty(side, site.url).logIn(agent, member);
    expect(await factsNow()).toMatchObject({ email: member.email, emailVerified: true, name: member.name });
  }

  /** The clock of the gateway, so many renewals later. */
  function afterRenewals(count: number): void {
    gateway.shiftClock(count * renewalDue);
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

  it('stays as at login when no token is good for it any more; it is asked once', async () => {
    await logIn();
    side.change(member, { name: 'Grace Hopper' });
    side.endAccessTokens();
    afterRenewals(1);
    expect((await factsNow()).name).toBe(member.name);
    expect(await grants()).toEqual([]);
    const asked = side.asked();
    afterRenewals(2);
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
});
