import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { databaseKinds } from '../../support/database.kinds.js';
import { logIn, newPerson, signUp } from '../../support/person.js';
import { type Stack, startStack } from '../../support/stack.js';
import { UserAgent } from '../../support/user-agent.js';

describe.each(databaseKinds)('login by the pages on %s', (database) => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({ database, postgresUrl: inject('postgresUrl') });
  });

  afterAll(async () => {
    await stack?.stop();
  });

  it('registers, says who it is, logs out, and logs in again', async () => {
    const person = newPerson();
    const agent = new UserAgent(stack.url);
    const account = await signUp(agent, person);
    expect(account.status).toBe(200);
    expect(account.url).toBe(`${stack.url}/`);
    expect(account.html().querySelector('h1')?.text).toBe(person.name);

    const me = await agent.fetch('/api/v1/me');
    expect(me.json()).toMatchObject({ email: person.email, name: person.name, emailVerified: false });

    const loggedOut = await agent.post('/auth/logout', {});
    expect(loggedOut.status).toBe(200);
    expect(loggedOut.json()).toEqual({ logoutUrl: null });
    expect((await agent.fetch('/api/v1/me')).status).toBe(401);

    const docs = await logIn(agent, person, '/docs?x=1');
    expect(docs.url).toBe(`${stack.url}/docs?x=1`);
    expect((await agent.fetch('/api/v1/me')).json()).toMatchObject({ email: person.email });
  });
});
