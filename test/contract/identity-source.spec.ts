import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ownFeatures } from '../../src/app/features.js';
import { newId } from '../../src/platform/core/identifier.js';
import { IdentitySource } from '../../src/providers/ory/sources/identity-source.js';
import type { Person } from '../support/person.js';
import { startOpenIdConnectionSide } from '../support/openid.connection.js';
import { startSamlSide } from '../support/saml.connection.js';
import {
  type SourceSide,
  cookiesOf,
  sessionKeyOf,
  startKratosSide,
  startLdapSide,
} from '../support/source.driver.js';
import { waitUntil } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

/** The sources: a new one is a new column here. Those of features are there with their features. */
const columns: readonly (readonly [string, () => Promise<SourceSide>])[] = [
  ['kratos', startKratosSide],
  ...(
    [
      ['ldap', startLdapSide],
      ['oidc', startOpenIdConnectionSide],
      ['saml', startSamlSide],
    ] as const
  ).filter(([kind]) => ownFeatures.some(({ connectionKind }) => connectionKind?.name === kind)),
];

describe.each(columns)('source of identities: %s', (_name, start) => {
  let side: SourceSide;
  /** Somebody whose session no test ends, and when their login began. */
  let settled: Awaited<ReturnType<typeof known>>;
  let begunAt: number;

  beforeAll(async () => {
    side = await start();
    begunAt = Date.now();
    settled = await known();
  });

  afterEach(() => {
    side.stack.shiftClock(0);
  });

  afterAll(async () => {
    await side?.stop();
  });

  const source = (): IdentitySource => side.stack.app().get(IdentitySource, { strict: false });

  /** Somebody who has logged in. */
  async function known(): Promise<{ readonly person: Person; readonly agent: UserAgent }> {
    const person = await side.enrol();
    const agent = new UserAgent(side.stack.url);
    await side.logIn(agent, person);
    expect((await agent.fetch('/auth/session')).status).toBe(200);
    return { person, agent };
  }

  /** The status of a request whose token must be renewed. @param longer seconds. */
  async function afterRenewal(agent: UserAgent, longer = 0): Promise<number> {
    side.stack.shiftClock(11 * 60 + longer);
    return (await agent.fetch('/auth/session')).status;
  }

  it('a login leaves a live session of an active user', async () => {
    const { person } = settled;
    const key = await sessionKeyOf(side.stack, person);
    const session = await source().findSession(key);
    const { amr, emailVerified } = side.facts;
    expect(session).toMatchObject({
      id: key.id,
      isActive: true,
      amr,
      acr: 'aal1',
      identity: { subject: key.subject, email: person.email, name: person.name, emailVerified },
    });
    expect(session?.identity.issuer).toMatch(side.issuer);
    expect(session?.profile).toMatchObject({ email: person.email });
    expect(session?.authTime).toBeGreaterThan(begunAt - 1000);
    expect(session?.authTime).toBeLessThanOrEqual(Date.now());
  });

  it('the subject is found with the same identity, of the same issuer', async () => {
    const { person } = settled;
    const key = await sessionKeyOf(side.stack, person);
    const [user, session] = [await source().findUser(key.subject), await source().findSession(key)];
    expect(user).toMatchObject({ isActive: true, identity: session?.identity });
    expect(await source().issuerOf(key.subject)).toBe(session?.identity.issuer);
  });

  it('a browser brings the same session; without its cookie, or with another, it brings none', async () => {
    const { person, agent } = settled;
    const { id } = await sessionKeyOf(side.stack, person);
    const cookies = await cookiesOf(side.stack, agent);
    expect(await source().browserSession(cookies)).toMatchObject({ state: 'live', session: { id } });
    expect(await source().browserSession(undefined)).toEqual({ state: 'none' });
    const altered = cookies.replaceAll(/=[^;]{8}/g, '=AAAAAAAA');
    expect(await source().browserSession(altered)).toEqual({ state: 'none' });
  });

  it('ids that it never gave are found by no question', async () => {
    const key = { id: newId(), subject: newId() };
    expect(await source().findSession(key)).toBeUndefined();
    expect(await source().findUser(key.subject)).toBeUndefined();
    await source().endSession(key);
  });

  it('a session is never that of another subject', async () => {
    const [one, other] = [settled, await known()];
    const mine = await sessionKeyOf(side.stack, one.person);
    const theirs = await sessionKeyOf(side.stack, other.person);
    const found = await source().findSession({ id: mine.id, subject: theirs.subject });
    expect(found?.identity.subject).not.toBe(theirs.subject);
  });

  it('a session that was ended is found no more, and ending it again is no error', async () => {
    const { person, agent } = await known();
    const key = await sessionKeyOf(side.stack, person);
    await source().endBrowserSession(await cookiesOf(side.stack, agent));
    await source().endSession(key);
    expect(await source().findSession(key)).toBeUndefined();
    expect(await source().browserSession(await cookiesOf(side.stack, agent))).toEqual({ state: 'none' });
    expect(await afterRenewal(agent)).toBe(401);
  });

  it('a logout ends the session at the source: the next login asks again', async () => {
    const { person, agent } = await known();
    const key = await sessionKeyOf(side.stack, person);
    expect((await agent.post('/auth/logout', {})).status).toBe(200);
    expect(await source().findSession(key)).toBeUndefined();
    const page = await agent.navigate('/auth/login');
    expect(new URL(page.url).pathname).toMatch(/^\/ui\//);
  });

  it('a login that a browser still has asks nothing again', async () => {
    const { agent } = await known();
    await agent.jar.setCookie('vestibule=; Max-Age=0; Path=/', side.stack.url);
    await agent.navigate('/auth/login');
    expect((await agent.fetch('/auth/session')).status).toBe(200);
  });

  it('a user who logs in twice is the same one', async () => {
    const { person } = await known();
    const first = await sessionKeyOf(side.stack, person);
    await side.logIn(new UserAgent(side.stack.url), person);
    const second = await sessionKeyOf(side.stack, person);
    expect(second.subject).toBe(first.subject);
    expect(second.id).not.toBe(first.id);
  });

  it('a user who is disabled at the source is out after renewal, or when the login no longer holds, and can’t log in', async () => {
    const { person, agent } = await known();
    const key = await sessionKeyOf(side.stack, person);
    await side.disable(person);
    expect(await afterRenewal(agent, side.facts.confirmedFor)).toBe(401);
    expect((await source().findUser(key.subject))?.isActive).not.toBe(true);
    side.stack.shiftClock(0);
    const fresh = new UserAgent(side.stack.url);
    await side.logIn(fresh, person);
    expect((await fresh.fetch('/auth/session')).status).toBe(401);
  });

  it('a user who is removed from the source is out after renewal, or when the login no longer holds, and can’t log in', async () => {
    const { person, agent } = await known();
    const key = await sessionKeyOf(side.stack, person);
    await side.remove(person);
    expect(await afterRenewal(agent, side.facts.confirmedFor)).toBe(401);
    expect((await source().findUser(key.subject))?.isActive).not.toBe(true);
    side.stack.shiftClock(0);
    const fresh = new UserAgent(side.stack.url);
    await side.logIn(fresh, person);
    expect((await fresh.fetch('/auth/session')).status).toBe(401);
  });

  it('a wrong password makes no session', async () => {
    const person = await side.enrol();
    const agent = new UserAgent(side.stack.url);
    await side.logIn(agent, { ...person, password: 'the wrong one altogether' });
    expect((await agent.fetch('/auth/session')).status).toBe(401);
  });

  it('a source that can’t be reached is no refusal: the session goes on, and is asked about again', async () => {
    const { person, agent } = await known();
    const key = await sessionKeyOf(side.stack, person);
    await side.down();
    try {
      side.stack.shiftClock(11 * 60);
      const [found] = await Promise.allSettled([source().findSession(key)]);
      expect(found).toMatchObject(
        side.facts.confirmedFor === 0
          ? { status: 'rejected', reason: { code: 'provider_unavailable' } }
          : { status: 'fulfilled', value: { id: key.id, isActive: true } },
      );
      expect(await afterRenewal(agent)).toBe(200);
    } finally {
      await side.up();
    }
    await waitUntil(async () => {
      try {
        return (await source().findSession(key)) !== undefined;
      } catch {
        return false;
      }
    }, 'the source to be asked again');
    expect((await agent.fetch('/auth/session')).status).toBe(200);
  });
});
