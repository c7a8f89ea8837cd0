import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { databaseKinds } from '../../support/database.kinds.js';
import { OAuthApp } from '../../support/oauth.app.js';
import { OryAdmin } from '../../support/ory.admin.js';
import { logIn, newPerson, type Person } from '../../support/person.js';
import { type Stack, startStack } from '../../support/stack.js';
import { UserAgent } from '../../support/user-agent.js';

const sessionSchema = z.looseObject({
  user: z.looseObject({ id: z.string(), email: z.string() }),
  session: z.looseObject({ id: z.string() }),
});

describe.each(databaseKinds)('50 people at once on %s', (database) => {
  const people = Array.from({ length: 50 }, newPerson);
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({ database, postgresUrl: inject('postgresUrl'), sharedOry: true });
    const ory = new OryAdmin(stack.env);
    for (const person of people) {
      await ory.createPerson(person);
    }
  });

  afterAll(async () => {
    await stack?.stop();
  });

  async function whoIs(agent: UserAgent): Promise<z.output<typeof sessionSchema>> {
    const answer = await agent.fetch('/auth/session');
    expect(answer.status).toBe(200);
    return sessionSchema.parse(answer.json());
  }

  /** Logs in and asks three times, while the others do the same, who it is. @returns ids of user and session. */
  async function act(person: Person): Promise<{ user: string; session: string }> {
    const agent = new UserAgent(stack.url);
    const page = await logIn(agent, person);
    const home = `${stack.url}/`;
    expect({ url: page.url, log: page.url === home ? [] : stack.log.slice(-30) }).toEqual({
      url: home,
      log: [],
    });
    const first = await whoIs(agent);
    for (let count = 0; count < 3; count += 1) {
      const { user, session } = await whoIs(agent);
      expect(user.email).toBe(person.email);
      expect(session.id).toBe(first.session.id);
    }
    return { user: first.user.id, session: first.session.id };
  }

  it(
    'log in by the pages: nobody gets another user’s session [L15]',
    // With six other processes at work on the same two cores it took 29 s.
    { timeout: 120_000 },
    async () => {
      const seen = await Promise.all(people.map((person) => act(person)));
      expect(new Set(seen.map(({ user }) => user)).size).toBe(people.length);
      expect(new Set(seen.map(({ session }) => session)).size).toBe(people.length);
    },
  );

  it('one user logs in 20 times at once with one access token: 20 sessions of one user', async () => {
    const [person = newPerson()] = people;
    const agent = new UserAgent(stack.url);
    await logIn(agent, person);
    const { access_token: accessToken } = await OAuthApp.spa(stack.url).login(agent);
    const seen = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const device = new UserAgent(stack.url);
        expect((await device.post('/auth/login', { accessToken })).status).toBe(200);
        return whoIs(device);
      }),
    );
    expect(new Set(seen.map(({ user }) => user.id)).size).toBe(1);
    expect(new Set(seen.map(({ session }) => session.id)).size).toBe(20);
  });
});
