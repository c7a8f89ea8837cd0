import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { newId } from '../../src/platform/core/identifier.js';
import { ApplicationSecretRepository } from '../../src/providers/ory/hydra/application-secret.repository.js';
import { applicationOf } from '../../src/providers/ory/hydra/hydra-applications.js';
import { RevocationFeed } from '../../src/session/revocation/revocation-feed.js';
import { RevocationService } from '../../src/session/revocation/revocation.service.js';
import { administratorAt } from '../support/administrator.js';
import { type AnsweringOry, startAnsweringOry } from '../support/answering.ory.js';
import type { Gateway, HeldSession } from '../support/gateway.js';
import { OrgCaller } from '../support/org.caller.js';

let ory: AnsweringOry;
let gateway: Gateway;
let orgs: OrgCaller;

beforeAll(async () => {
  ory = await startAnsweringOry();
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

/** A client of Hydra's that is an application. */
const clientOf = (id: string): object => ({
  client_id: id,
  client_name: 'Wiki',
  owner: '',
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

  async function expectOutdated(
    held: HeldSession,
    as: HeldSession,
    line: string,
    body?: object,
  ): Promise<void> {
    expect(await statusOf(held)).toBe(200);
    const revocations = gateway.app.get(RevocationService, { strict: false });
    const end = new Error('the process has ended');
    vi.spyOn(revocations, 'invalidate').mockRejectedValue(end);
    vi.spyOn(revocations, 'endSessions').mockRejectedValue(end);
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
  ])('an administrator: %s %j', async (line, body) => {
    const [admin, held] = [await administratorAt(gateway), await administratorAt(gateway)];
    await expectOutdated(held, admin, line.replace('%', held.user.id), body);
  });
});

it('a new secret that can’t be stored leaves the former one at Hydra, and is made by the next attempt', async () => {
  const id = newId();
  ory.say(`GET /admin/clients/${id}`, 200, clientOf(id));
  const application = applicationOf(clientOf(id));
  const { applications } = ory.strategy;
  if (application === undefined || applications === undefined) {
    throw new TypeError('the client is an application');
  }
  const secrets = gateway.app.get(ApplicationSecretRepository, { strict: false });
  await secrets.store(id, 'former', 0);
  const atHydra = (): unknown[] =>
    ory.asked.flatMap((line) => {
      const [, body] = line.split(`PUT /admin/clients/${id} `);
      return body === undefined ? [] : [Reflect.get(JSON.parse(body), 'client_secret')];
    });
  const hour = Date.now() + 3_600_000;
  vi.spyOn(secrets, 'store').mockRejectedValueOnce(new Error('the database is away'));
  await expect(applications.rotateSecret(application, hour)).rejects.toThrow('the database is away');
  expect(atHydra()).toEqual([expect.stringMatching(/^vsc_/), 'former']);
  expect([await secrets.current(id), await secrets.currentFor(id, 'former')]).toEqual(['former', undefined]);
  const secret = await applications.rotateSecret(application, hour);
  expect(atHydra().at(-1)).toBe(secret);
  expect(await secrets.currentFor(id, 'former')).toBe(secret);
});
