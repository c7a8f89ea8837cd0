import { afterAll, beforeAll, describe, expect } from 'vitest';
import { expectRefusal, fieldOf, providerDrivers, rowTestFor } from '../../support/contract.suite.js';
import {
  type GatewaySite,
  newGatewaySite,
  type RunningGateway,
  runGateway,
} from '../../support/gateway.runner.js';
import { ContractParty, type Member, type ProviderName } from '../../support/provider.driver.js';
import { UserAgent } from '../../support/user-agent.js';

/** Each provider, and another one that the deployment had before. */
const moves: readonly (readonly [ProviderName, ProviderName])[] = [
  ['ory', 'auth0'],
  ['auth0', 'oidc'],
  ['oidc', 'ory'],
];

/** Somebody with an account at both providers, under one address. */
interface Mover {
  readonly old: Member;
  readonly fresh: Member;
  /** Id of the user that the old provider's login made. */
  readonly userId: unknown;
}

describe.each(moves)('strategy contract: %s', (name, before) => {
  const row = rowTestFor(name, 'moving');
  let site: GatewaySite;
  let gateway: RunningGateway;
  let old: ContractParty;
  let fresh: ContractParty;
  /** Logged in at the old provider, with the cookie still in the browser. */
  let settled: UserAgent;
  /** A login at the old provider that wasn't finished before the move. */
  let pending: { readonly agent: UserAgent; readonly answer: URL };
  const movers = new Map<string, Mover>();

  beforeAll(async () => {
    site = await newGatewaySite();
    old = new ContractParty(await providerDrivers[before](site.url), site.url);
    fresh = new ContractParty(await providerDrivers[name](site.url), site.url);
    gateway = await runGateway(site, old.side.env);
    settled = new UserAgent(site.url);
    await old.logIn(settled, await old.side.enrol());
    expect((await settled.fetch('/auth/session')).status).toBe(200);
    const agent = new UserAgent(site.url);
    pending = { agent, answer: await old.answer(agent, await old.side.enrol()) };
    movers.set('unlinked', await mover(true, true));
    movers.set('unverified before', await mover(false, true));
    movers.set('unverified now', await mover(true, false));
    movers.set('linked', await mover(true, true));
    await gateway.restart(fresh.side.env);
  });

  afterAll(async () => {
    await gateway?.stop();
    await Promise.all([old?.side.stop(), fresh?.side.stop()]);
    await site?.remove();
  });

  async function mover(verifiedBefore: boolean, verifiedNow: boolean): Promise<Mover> {
    const there = await old.side.enrol({ emailVerified: verifiedBefore });
    const here = await fresh.side.enrol({ email: there.email, emailVerified: verifiedNow });
    return { old: there, fresh: here, userId: await userIdOf(old, there) };
  }

  async function userIdOf(party: ContractParty, member: Member): Promise<unknown> {
    const agent = new UserAgent(site.url);
    await party.logIn(agent, member);
    const session = await agent.fetch('/auth/session');
    expect(fieldOf(session, 'user', 'email')).toBe(member.email);
    expect(fieldOf(session, 'provider')).toBe(party.side.name);
    return fieldOf(session, 'user', 'id');
  }

  function moverOf(title: string): Mover {
    return movers.get(title) ?? expect.fail(title);
  }

  row('after a move from another provider its sessions are over', async () => {
    for (const path of ['/auth/session', '/api/v1/me']) {
      const answer = await settled.fetch(path);
      expect({ path, status: answer.status }).toEqual({ path, status: 401 });
    }
  });

  row('after a move from another provider its answers are refused', async () => {
    const { agent, answer } = pending;
    await expectRefusal(agent, await agent.navigate(answer.href), 403, 'login_state_invalid');
  });

  row('after a move the same e-mail is another user, unless linking is on', async () => {
    const { fresh: member, userId } = moverOf('unlinked');
    expect(await userIdOf(fresh, member)).not.toBe(userId);
  });

  row('after a move an e-mail that is not verified on both sides never links', async () => {
    await gateway.restart({ LINK_BY_VERIFIED_EMAIL: 'true' });
    for (const title of ['unverified before', 'unverified now']) {
      const { fresh: member, userId } = moverOf(title);
      expect(await userIdOf(fresh, member)).not.toBe(userId);
    }
    expect((await gateway.auditTrail()).filter(({ type }) => type === 'identity_linked')).toEqual([]);
  });

  row('after a move with linking on a verified e-mail keeps its user, audited', async () => {
    await gateway.restart({ LINK_BY_VERIFIED_EMAIL: 'true' });
    const { old: there, fresh: here, userId } = moverOf('linked');
    expect(await userIdOf(fresh, here)).toBe(userId);
    const linked = (await gateway.auditTrail()).filter(({ type }) => type === 'identity_linked');
    expect(linked).toEqual([expect.objectContaining({ user_id: userId })]);
    // The link stays without the permission, and the old identity is still that user.
    await gateway.restart({ ...old.side.env, LINK_BY_VERIFIED_EMAIL: 'false' });
    expect(await userIdOf(old, there)).toBe(userId);
    await gateway.restart(fresh.side.env);
    expect(await userIdOf(fresh, here)).toBe(userId);
  });
});
