import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { ProviderAccess } from '../../src/accounts/provider-access.js';
import { DatabaseLocks } from '../../src/platform/database/database-locks.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { promote } from '../support/administrator.js';
import { OryAdmin } from '../support/ory.admin.js';
import { type Person, logIn, logInAtKratosAlone, newPerson } from '../support/person.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { StandIn } from '../support/stand-in.js';
import { type Page, UserAgent } from '../support/user-agent.js';

const sessionSchema = z.looseObject({ user: z.looseObject({ id: z.string() }) });
const identitySchema = z.looseObject({ state: z.string() });

interface Visitor {
  readonly agent: UserAgent;
  readonly person: Person;
  readonly userId: string;
  readonly identityId: string;
}

describe('access to real Kratos, when it takes its time or fails', () => {
  let stack: Stack;
  let kratos: StandIn;
  let real: string;
  let ory: OryAdmin;
  let admin: Visitor;
  let visitor: Visitor;

  beforeAll(async () => {
    stack = await startStack();
    real = stack.env['KRATOS_ADMIN_URL'] ?? '';
    ory = new OryAdmin({ ...stack.env });
    kratos = new StandIn(real);
    await stack.restartGateway({ KRATOS_ADMIN_URL: await kratos.start() });
    await promote(stack.app(), (await arrive()).userId);
    admin = await arrive();
  });

  beforeEach(async () => {
    await promote(stack.app(), admin.userId);
    await admin.agent.navigate('/auth/login');
    visitor = await arrive();
  });

  afterEach(() => {
    kratos.say(undefined);
    kratos.replace(undefined);
  });

  afterAll(async () => {
    await stack?.stop();
    await kratos?.stop();
  });

  async function arrive(): Promise<Visitor> {
    const [agent, person] = [new UserAgent(stack.url), newPerson()];
    await ory.createPerson(person, { isVerified: true });
    await logIn(agent, person);
    const { user } = sessionSchema.parse((await agent.fetch('/auth/session')).json());
    const { identityId } = await ory.sessionOf(agent);
    return { agent, person, userId: user.id, identityId };
  }

  const query = () => stack.app().get(Database, { strict: false }).query;
  const act = (what: string): Promise<Page> =>
    admin.agent.fetch(`/api/v1/users/${visitor.userId}/${what}`, {
      method: 'POST',
      headers: { origin: stack.url },
    });
  const stateAtKratos = async (): Promise<string> =>
    identitySchema.parse(await (await fetch(`${real}/admin/identities/${visitor.identityId}`)).json()).state;
  const rowOf = async () =>
    query()
      .selectFrom('users')
      .select('disabled_at')
      .where('id', '=', visitor.userId)
      .executeTakeFirstOrThrow();
  const isChange = ({ method }: IncomingMessage): boolean => method !== 'GET';

  /** The administrator is demoted, on another replica, once Kratos has dealt with the next change and before it answers. */
  function demoteMeanwhile(): void {
    kratos.replace(async (request) => {
      if (isChange(request)) {
        kratos.replace(undefined);
        await query().updateTable('users').set({ role: 'user' }).where('id', '=', admin.userId).execute();
      }
      return false;
    });
  }

  it('an administrator who is demoted while Kratos makes a recovery code learns none, and it stays theirs', async () => {
    demoteMeanwhile();
    const answer = await act('recovery');
    expect([answer.status, answer.json()]).toEqual([403, expect.objectContaining({ code: 'forbidden' })]);
    const codes = await query()
      .selectFrom('recovery_codes')
      .select('made_by')
      .where('made_by', '=', admin.userId)
      .execute();
    expect(codes).toHaveLength(1);
  });

  it('an administrator who is demoted while Kratos enables a user enables nobody', async () => {
    expect((await act('disable')).status).toBe(200);
    expect(await stateAtKratos()).toBe('inactive');
    demoteMeanwhile();
    expect((await act('enable')).json()).toMatchObject({ code: 'forbidden' });
    expect(await stateAtKratos()).toBe('inactive');
    expect((await rowOf()).disabled_at).not.toBeNull();
  });

  it('a disabling that meets an enabling under way is kept: that is refused, and takes the access again', async () => {
    expect((await act('disable')).status).toBe(200);
    const { disabled_at: before } = await rowOf();
    let disabled: Promise<Page> | undefined;
    kratos.replace(async (request) => {
      if (isChange(request)) {
        kratos.replace(undefined);
        disabled = act('disable');
        await waitUntil(async () => (await rowOf()).disabled_at !== before, 'the second disabling');
      }
      return false;
    });
    expect((await act('enable')).json()).toMatchObject({ code: 'conflict' });
    expect((await disabled)?.status).toBe(200);
    expect(await stateAtKratos()).toBe('inactive');
    expect((await rowOf()).disabled_at).not.toBeNull();
  });

  it('a user whose deletion fails while somebody enables them keeps the access', async () => {
    const turns = vi.spyOn(stack.app().get(DatabaseLocks, { strict: false }), 'run');
    let enabled: Promise<Page> | undefined;
    let isTaken = false;
    const isTurn = ([name]: readonly unknown[]): boolean => name === `provider access ${visitor.userId}`;
    const refuse = (response: ServerResponse): boolean => {
      response.writeHead(403, { 'content-type': 'application/json' }).end('{}');
      return true;
    };
    const changes: string[] = [];
    const deleted = new Promise<Page>((resolve, reject) => {
      kratos.say(async (request, response) => {
        if (!isChange(request) || request.url !== `/admin/identities/${visitor.identityId}`) {
          return false;
        }
        changes.push(request.method ?? '');
        if (request.method === 'DELETE') {
          enabled = act('enable');
          const isInQueue = (): boolean => turns.mock.calls.filter(isTurn).length > 1;
          await waitUntil(async () => isTaken || isInQueue(), 'the enabling');
          return refuse(response);
        }
        if (changes.filter((method) => method === 'PATCH').length === 1) {
          return refuse(response);
        }
        isTaken = true;
        await deleted;
        return false;
      });
      admin.agent
        .fetch(`/api/v1/users/${visitor.userId}`, { method: 'DELETE', headers: { origin: stack.url } })
        .then(resolve, reject);
    });
    expect((await deleted).json()).toMatchObject({ code: 'provider_unavailable' });
    expect((await enabled)?.json()).toMatchObject({ code: 'provider_unavailable' });
    expect((await rowOf()).disabled_at).toBeNull();
    expect(await stateAtKratos()).toBe('active');
    turns.mockRestore();
  });

  it('a user who could not be disabled at Kratos is disabled there later, also after a restart', async () => {
    kratos.say((request, response) => {
      const isOfIdentity = request.url?.includes(visitor.identityId) === true && isChange(request);
      if (isOfIdentity) {
        response.writeHead(403, { 'content-type': 'application/json' }).end('{}');
      }
      return isOfIdentity;
    });
    expect((await act('disable')).status).toBe(200);
    // A session at Kratos, with which they change their own settings.
    const intruder = new UserAgent(stack.url);
    await logInAtKratosAlone(intruder, visitor.person);
    const whoami = async (): Promise<number> => (await intruder.fetch('/ory/kratos/sessions/whoami')).status;
    expect([await stateAtKratos(), await whoami()]).toEqual(['active', 200]);

    await stack.restartGateway();
    const access = (): ProviderAccess => stack.app().get(ProviderAccess, { strict: false });
    await access().takeLeft();
    expect(await stateAtKratos()).toBe('active');
    kratos.say(undefined);
    await access().takeLeft();
    expect([await stateAtKratos(), await whoami()]).toEqual(['inactive', 401]);
    // Once: anyone who is enabled later stays so.
    expect((await act('enable')).status).toBe(200);
    await access().takeLeft();
    expect(await stateAtKratos()).toBe('active');
  });
});
