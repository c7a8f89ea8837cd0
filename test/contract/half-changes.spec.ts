import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { UserChanges } from '../../src/directory/users/user-changes.js';
import { newId } from '../../src/platform/core/identifier.js';
import { DatabaseLocks } from '../../src/platform/database/database-locks.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { kratosIssuer } from '../../src/providers/ory/kratos/kratos-session.js';
import { RevocationFeed } from '../../src/session/revocation/revocation-feed.js';
import { RevocationService } from '../../src/session/revocation/revocation.service.js';
import { administratorAt } from '../support/administrator.js';
import { type AnsweringOry, oryIds, startAnsweringOry } from '../support/answering.ory.js';
import { type Gateway, type HeldSession, newIdentity } from '../support/gateway.js';
import { OrgCaller } from '../support/org.caller.js';
import { waitUntil } from '../support/stack.js';

let ory: AnsweringOry;
let gateway: Gateway;
let orgs: OrgCaller;

beforeAll(async () => {
  ory = await startAnsweringOry({ ORG_CONNECTION_KINDS: 'oidc' });
  ({ gateway } = ory);
  orgs = new OrgCaller(gateway);
});

afterEach(() => {
  vi.restoreAllMocks();
  ory.reset();
});

afterAll(async () => {
  await ory?.stop();
});

const settings = { issuer: 'https://login.example.org', client_id: 'a', client_secret: 'b' };
/** A connection of an organisation. */
const company = { name: 'Example Ltd.', kind: 'oidc', settings, domains: [] };

const query = (): Database['query'] => gateway.app.get(Database, { strict: false }).query;

/** A client of Hydra's that is an application. @param owner id of its organisation. */
const clientOf = (id: string, owner = ''): object => ({
  client_id: id,
  client_name: 'Wiki',
  owner,
  scope: 'openid',
  redirect_uris: ['https://wiki.example.test/back'],
  token_endpoint_auth_method: 'client_secret_basic',
  metadata: {
    application: {
      kind: 'web',
      access: 'everyone',
      roles: [],
      remember_consent: true,
      created_by: newId(),
      created_at: 1,
    },
  },
});

describe('a change after which the process ends has outdated the bearer of', () => {
  const statusOf = async ({ bearer }: HeldSession): Promise<number> =>
    (await gateway.request('/auth/session', { headers: { authorization: bearer } })).status;

  /** A member whose token names the organisation. */
  async function memberWithin(orgId: string): Promise<HeldSession> {
    const identity = newIdentity();
    await orgs.join(orgId, await gateway.session(identity), 'member');
    const held = await gateway.session(identity);
    expect(await orgs.claim(held)).toMatchObject({ id: orgId });
    return held;
  }

  async function expectOutdated(
    held: HeldSession,
    as: HeldSession,
    line: string,
    body?: object,
    interrupted: readonly ('invalidate' | 'endSessions' | 'endSessionsOf')[] = [
      'invalidate',
      'endSessions',
      'endSessionsOf',
    ],
  ): Promise<void> {
    expect(await statusOf(held)).toBe(200);
    const revocations = gateway.app.get(RevocationService, { strict: false });
    const end = new Error('the process has ended');
    interrupted.forEach((step) => vi.spyOn(revocations, step).mockRejectedValue(end));
    vi.spyOn(gateway.app.get(UserChanges, { strict: false }), 'releaseDeletion').mockRejectedValue(end);
    expect((await orgs.call(as, line, body)).status).toBe(500);
    await gateway.app.get(RevocationFeed, { strict: false }).refresh();
    expect(await statusOf(held)).toBe(401);
  }

  it.each([
    ['PATCH', { role: 'member' }],
    ['DELETE', undefined],
  ])('a member: %s %j', async (method, body) => {
    const owner = await gateway.session();
    const { id } = await orgs.make(owner);
    const held = await orgs.member(id, 'admin');
    await expectOutdated(held, owner, `${method} /api/v1/orgs/${id}/members/${held.user.id}`, body);
  });

  it.each([
    ['PATCH /api/v1/users/%', { role: 'user' }],
    ['POST /api/v1/users/%/disable', undefined],
    ['DELETE /api/v1/users/%', undefined],
  ])('an administrator: %s %j', async (line, body) => {
    const [admin, held] = [await administratorAt(gateway), await administratorAt(gateway)];
    await expectOutdated(held, admin, line.replace('%', held.user.id), body);
  });

  it('a user whose second factors the provider has removed', async () => {
    const [admin, held] = [
      await administratorAt(gateway),
      await gateway.session({ ...newIdentity(), issuer: kratosIssuer, subject: oryIds.subject }),
    ];
    const { identities } = ory.strategy;
    if (identities === undefined) {
      throw new TypeError('Kratos is administered');
    }
    vi.spyOn(identities, 'resetSecondFactors').mockResolvedValue();
    const line = `DELETE /api/v1/users/${held.user.id}/second-factors`;
    await expectOutdated(held, admin, line, undefined, ['endSessionsOf']);
  });

  it('a member: DELETE of the organisation', async () => {
    const owner = await gateway.session();
    const { id } = await orgs.make(owner);
    await expectOutdated(await memberWithin(id), owner, `DELETE /api/v1/orgs/${id}`);
  });

  it.each([
    ['PATCH', { name: 'Other Ltd.' }],
    ['DELETE', undefined],
  ])('a member: %s of a connection %j', async (method, body) => {
    const owner = await gateway.session();
    const { id } = await orgs.make(owner);
    const held = await memberWithin(id);
    const path = `/api/v1/orgs/${id}/connections`;
    const made = (await orgs.call(owner, `POST ${path}`, company)).json();
    const connection = z.looseObject({ id: z.uuid() }).parse(made).id;
    await expectOutdated(held, owner, `${method} ${path}/${connection}`, body);
  });
});

describe('an owner who has lost their role when it is their turn', () => {
  const wiki = { name: 'Wiki', kind: 'web', redirectUris: ['https://wiki.example.test/back'] };

  it.each([
    ['registers no application', 'applications of ORG', 'POST /applications', wiki],
    ['changes none', 'application APP', 'PATCH /applications/APP', { name: 'Notes' }],
    ['rotates no secret', 'application APP', 'POST /applications/APP/secret', {}],
    ['removes none', 'application APP', 'DELETE /applications/APP', undefined],
    ['connects no provider', 'connections of ORG', 'POST /connections', company],
  ])('%s', async (_what, lock, line, body) => {
    const owner = await gateway.session();
    const { id } = await orgs.make(owner);
    const application = newId();
    ory.say(`GET /admin/clients/${application}`, 200, clientOf(application, id));
    const named = (text: string): string => text.replace('ORG', id).replace('APP', application);
    const name = named(lock);
    const held = { name, holder: 'another replica', expires_at: Date.now() + 60_000 };
    await query().insertInto('locks').values(held).execute();
    const run = vi.spyOn(gateway.app.get(DatabaseLocks, { strict: false }), 'run');
    const asked = orgs.call(owner, named(line).replace(' ', ` /api/v1/orgs/${id}`), body);
    await waitUntil(() => run.mock.calls.some(([wanted]) => wanted === name), 'the request to wait');
    await query()
      .updateTable('memberships')
      .set({ role: 'member' })
      .where('user_id', '=', owner.user.id)
      .execute();
    await query().deleteFrom('locks').where('name', '=', name).execute();
    expect((await asked).status).toBe(403);
    const changes = ory.asked.filter((asking) => /^(?:POST|PUT|DELETE) \/admin\/clients/.test(asking));
    expect(changes).toEqual([]);
    const rows = await query().selectFrom('org_connections').select('id').where('org_id', '=', id).execute();
    expect(rows).toEqual([]);
  });
});
