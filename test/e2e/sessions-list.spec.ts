import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { ProviderLogouts } from '../../src/accounts/provider-logouts.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { Problem } from '../../src/platform/errors/problem.error.js';
import { IdentitySource } from '../../src/providers/ory/sources/identity-source.js';
import { OAuthApp } from '../support/oauth.app.js';
import { OryAdmin } from '../support/ory.admin.js';
import { logIn, logInAtKratosAlone, newPerson, type Person } from '../support/person.js';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

const listSchema = z.looseObject({
  items: z.array(z.looseObject({ id: z.string(), current: z.boolean(), device: z.string() })),
});

describe('the list of sessions', () => {
  let stack: Stack;
  let person: Person;

  beforeAll(async () => {
    stack = await startStack();
  });

  afterAll(async () => {
    await stack?.stop();
  });

  /** Browsers of somebody new, all logged in. */
  async function loggedIn(count: number): Promise<UserAgent[]> {
    person = newPerson();
    await new OryAdmin(stack.env).createPerson(person);
    const agents = Array.from({ length: count }, () => new UserAgent(stack.url));
    for (const agent of agents) {
      await logIn(agent, person);
    }
    return agents;
  }

  async function othersOf(agent: UserAgent): Promise<string[]> {
    const { items } = listSchema.parse((await agent.fetch('/auth/sessions')).json());
    return items.filter(({ current }) => !current).map(({ id }) => id);
  }

  const end = async (agent: UserAgent, path: string) =>
    agent.fetch(path, { method: 'DELETE', headers: { origin: stack.url } });

  /** Here and at Kratos. */
  const statusesOf = async (agent: UserAgent): Promise<readonly number[]> => [
    (await agent.fetch('/auth/session')).status,
    (await agent.fetch('/ory/kratos/sessions/whoami')).status,
  ];

  async function expectLoginAsksForPassword(agent: UserAgent): Promise<void> {
    expect(new URL((await agent.navigate('/auth/login')).url).pathname).toBe('/ui/login');
    await logIn(agent, person);
    expect(await statusesOf(agent)).toEqual([200, 200]);
  }

  it('one browser ends the other’s session, at Kratos too: its next login asks for the password', async () => {
    const [here = fail(), there = fail()] = await loggedIn(2);
    const [id = '', ...more] = await othersOf(here);
    expect(more).toEqual([]);
    const kept = await there.cookie('vestibule');
    expect((await end(here, `/auth/sessions/${id}`)).status).toBe(204);
    expect(await statusesOf(there)).toEqual([401, 401]);
    expect(await statusesOf(here)).toEqual([200, 200]);
    expect(await othersOf(here)).toEqual([]);
    await stack.restartGateway();
    const replayed = await fetch(`${stack.url}/auth/session`, { headers: { cookie: `vestibule=${kept}` } });
    expect(replayed.status).toBe(401);
    await expectLoginAsksForPassword(there);
    expect(await othersOf(here)).toHaveLength(1);
  });

  it('"log out everywhere else" by the page keeps this browser, and the user stays logged in at Kratos', async () => {
    const [here = fail(), there = fail(), elsewhere = fail()] = await loggedIn(3);
    const app = await OAuthApp.spa(stack.url).login(here);
    const bearer = await fetch(`${stack.url}/auth/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        subject_token: app.access_token,
      }),
    });
    const { access_token } = z.looseObject({ access_token: z.string() }).parse(await bearer.json());
    expect(await othersOf(here)).toHaveLength(3);

    const page = await here.navigate('/account/sessions/end-others', {
      method: 'POST',
      body: new URLSearchParams(),
    });
    expect(page.url).toBe(`${stack.url}/?notice=others_ended`);
    expect(page.html().querySelector('[role=status]')?.text).toContain('logged out everywhere else');
    expect([await statusesOf(there), await statusesOf(elsewhere)]).toEqual([
      [401, 401],
      [401, 401],
    ]);
    const authorization = `Bearer ${access_token}`;
    expect((await fetch(`${stack.url}/api/v1/me`, { headers: { authorization } })).status).toBe(401);
    // The app's session was in this browser: its login at Kratos is this browser's.
    expect(await statusesOf(here)).toEqual([200, 200]);
    stack.shiftClock(700);
    expect(await statusesOf(here)).toEqual([200, 200]);
    stack.shiftClock(0);
    await expectLoginAsksForPassword(there);
  });

  it('"log out everywhere else" ends logins at Kratos that never led here, and those whose end failed', async () => {
    const [here = fail()] = await loggedIn(1);
    const thieves = [new UserAgent(stack.url), new UserAgent(stack.url)];
    for (const thief of thieves) {
      await logInAtKratosAlone(thief, person);
      expect(await statusesOf(thief)).toEqual([401, 200]);
    }
    vi.spyOn(stack.app().get(IdentitySource, { strict: false }), 'endSessions').mockRejectedValueOnce(
      new Problem('provider_unavailable'),
    );
    // The first attempt fails at Kratos: the second one makes up for it, although nothing is left here.
    for (const _attempt of ['first', 'second']) {
      expect((await end(here, '/auth/sessions')).json()).toEqual({ ended: 0 });
    }
    expect(await statusesOf(here)).toEqual([200, 200]);
    for (const thief of thieves) {
      expect(await statusesOf(thief)).toEqual([401, 401]);
      expect(new URL((await thief.navigate('/auth/login')).url).pathname).toBe('/ui/login');
    }
  });

  it('what Kratos could not end is ended later, and a login since then goes on', async () => {
    const [here = fail()] = await loggedIn(1);
    const thief = new UserAgent(stack.url);
    await logInAtKratosAlone(thief, person);
    const logouts = stack.app().get(ProviderLogouts, { strict: false });
    const { query } = stack.app().get(Database, { strict: false });
    const source = stack.app().get(IdentitySource, { strict: false });
    vi.spyOn(source, 'endSessions').mockRejectedValueOnce(new Problem('provider_unavailable'));
    expect((await end(here, '/auth/sessions')).json()).toEqual({ ended: 0 });
    expect(await statusesOf(thief)).toEqual([401, 200]);
    const noted = await query.selectFrom('provider_logouts').selectAll().executeTakeFirstOrThrow();
    // Had it been asked for long ago, this login would have begun since.
    const longAgo = noted.noted_at - 600_000;
    await query.updateTable('provider_logouts').set({ noted_at: longAgo }).execute();
    await logouts.finish();
    expect(await statusesOf(thief)).toEqual([401, 200]);
    await query.insertInto('provider_logouts').values(noted).execute();
    await logouts.finish();
    expect(await statusesOf(thief)).toEqual([401, 401]);
    expect(await statusesOf(here)).toEqual([200, 200]);
    expect(await query.selectFrom('provider_logouts').selectAll().execute()).toEqual([]);
  });

  it('a user who ends their own session is logged out, at Kratos too', async () => {
    const [here = fail(), there = fail()] = await loggedIn(2);
    const [id = ''] = await othersOf(there);
    expect((await end(here, `/auth/sessions/${id}`)).status).toBe(204);
    expect(await here.cookie('vestibule')).toBeUndefined();
    expect(await statusesOf(here)).toEqual([401, 401]);
    expect(await statusesOf(there)).toEqual([200, 200]);
  });
});

function fail(): never {
  throw new Error('there is one browser less than asked for');
}
