import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { z } from 'zod';
import { newId } from '../../../../platform/core/identifier.js';
import { Database } from '../../../../platform/database/database.schema.js';
import { HydraClient } from '../../../../providers/ory/hydra/hydra.client.js';
import { promote } from '../../../../../test/support/administrator.js';
import { databaseKinds } from '../../../../../test/support/database.kinds.js';
import { logIn, newPerson, signUp } from '../../../../../test/support/person.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { type Page, UserAgent } from '../../../../../test/support/user-agent.js';
import { arriveVerified } from '../../../../../test/support/verified.person.js';

const back = 'https://wiki.example/callback';
const most = 200;
const sessionSchema = z.looseObject({ user: z.looseObject({ id: z.string() }) });
const applicationSchema = z.looseObject({
  id: z.string(),
  scope: z.string(),
  redirectUris: z.array(z.string()),
});

describe.each(databaseKinds)('changes of one application at the same time, on %s', (database) => {
  let stack: Stack;
  let administrator: UserAgent;
  let user: UserAgent;

  beforeAll(async () => {
    stack = await startStack({ database, postgresUrl: inject('postgresUrl'), sharedOry: true });
    const person = newPerson();
    const before = new UserAgent(stack.url);
    await signUp(before, person);
    await promote(stack.app(), sessionSchema.parse((await before.fetch('/auth/session')).json()).user.id);
    administrator = new UserAgent(stack.url);
    await logIn(administrator, person);
    user = new UserAgent(stack.url);
    await arriveVerified(user, stack);
  });

  afterEach(() => vi.restoreAllMocks());

  afterAll(async () => {
    await stack?.stop();
  });

  const pathOf = (org: string): string => `/api/v1/orgs/${org}/applications`;
  const orgOf = async (): Promise<string> => {
    const answer = await user.send('POST', '/api/v1/orgs', { name: `Org ${newId()}` });
    return z.looseObject({ id: z.string() }).parse(answer.json()).id;
  };

  async function register(agent: UserAgent, path: string, definition = {}): Promise<string> {
    const body = { name: 'Wiki', kind: 'web', redirectUris: [back], ...definition };
    return applicationSchema.parse((await agent.send('POST', path, body)).json()).id;
  }

  const read = async (id: string) =>
    applicationSchema.parse((await administrator.fetch(`/api/v1/applications/${id}`)).json());

  /** Holds the next write, or removal, of a client at Hydra until `release` is called. */
  function hold(method: 'replaceClient' | 'removeClient'): { held: Promise<void>; release: () => void } {
    const hydra = stack.app().get(HydraClient, { strict: false });
    let [arrive, release] = [(): void => undefined, (): void => undefined];
    const held = new Promise<void>((resolve) => (arrive = resolve));
    const released = new Promise<void>((resolve) => (release = resolve));
    const wait = async (): Promise<void> => {
      arrive();
      await released;
    };
    if (method === 'replaceClient') {
      const write = hydra.replaceClient.bind(hydra);
      vi.spyOn(hydra, method).mockImplementationOnce(async (client) => {
        await wait();
        return write(client);
      });
    } else {
      const remove = hydra.removeClient.bind(hydra);
      vi.spyOn(hydra, method).mockImplementationOnce(async (id) => {
        await wait();
        return remove(id);
      });
    }
    return { held, release };
  }

  it('an owner’s change doesn’t give a machine back what an administrator takes from it', async () => {
    const org = await orgOf();
    const definition = {
      kind: 'machine',
      redirectUris: [],
      scope: 'profile:read payments:write',
      orgId: org,
    };
    const id = await register(administrator, '/api/v1/applications', definition);
    const { held, release } = hold('replaceClient');
    const owners = user.send('PATCH', `${pathOf(org)}/${id}`, { name: 'Robot 2' });
    await held;
    const taken = administrator.send('PATCH', `/api/v1/applications/${id}`, { scope: 'profile:read' });
    release();
    expect([(await owners).status, (await taken).status]).toEqual([200, 200]);
    expect((await read(id)).scope).toBe('profile:read');
  });

  it('a new secret doesn’t bring back a redirect URI, and two rotations are in line', async () => {
    const org = await orgOf();
    const id = await register(user, pathOf(org), { redirectUris: [back, 'https://stolen.example/cb'] });
    const { held, release } = hold('replaceClient');
    const rotate = async (): Promise<Page> =>
      user.send('POST', `${pathOf(org)}/${id}/secret`, { keepPreviousFor: 0 });
    const first = rotate();
    await held;
    const change = administrator.send('PATCH', `/api/v1/applications/${id}`, { redirectUris: [back] });
    const second = rotate();
    release();
    expect([(await first).status, (await change).status, (await second).status]).toEqual([201, 200, 201]);
    expect((await read(id)).redirectUris).toEqual([back]);
    const current = await secretsOf(id);
    expect(current.filter(({ expires_at: at }) => at === null)).toHaveLength(1);
  });

  it('a change or a rotation during a removal finds no application, and leaves no secret', async () => {
    const org = await orgOf();
    const id = await register(user, pathOf(org));
    const { held, release } = hold('removeClient');
    const removal = user.send('DELETE', `${pathOf(org)}/${id}`);
    await held;
    const change = user.send('PATCH', `${pathOf(org)}/${id}`, { name: 'Web 2' });
    const rotation = user.send('POST', `${pathOf(org)}/${id}/secret`, {});
    release();
    expect([(await removal).status, (await change).status, (await rotation).status]).toEqual([204, 404, 404]);
    expect(await secretsOf(id)).toEqual([]);
  });

  it('an organisation has 200 applications at most, also if they come at once', async () => {
    const org = await orgOf();
    const query = stack.app().get(Database, { strict: false }).query;
    const row = { kind: 'application', org_id: org, name: '', first_party: 0, created_at: 0 } as const;
    const rows = Array.from({ length: most - 3 }, () => ({ ...row, id: newId() }));
    await query.insertInto('oauth_clients').values(rows).execute();
    const body = { name: 'Many', kind: 'single_page', redirectUris: [back] };
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () => user.send('POST', pathOf(org), body)),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(5);
  });

  const secretsOf = async (id: string) =>
    stack
      .app()
      .get(Database, { strict: false })
      .query.selectFrom('application_secrets')
      .select('expires_at')
      .where('application_id', '=', id)
      .execute();
});
