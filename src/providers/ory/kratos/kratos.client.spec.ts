import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type AnsweringOry,
  kratosIdentity,
  kratosSession,
  noSessionRoute,
  oryIds,
  startAnsweringOry,
} from '../../../../test/support/answering.ory.js';
import { KratosClearance } from './kratos-clearance.js';
import { KratosClient } from './kratos.client.js';

const route = 'GET /sessions/whoami';
let ory: AnsweringOry;
let kratos: KratosClient;

beforeAll(async () => {
  ory = await startAnsweringOry();
  kratos = ory.gateway.app.get(KratosClient, { strict: false });
});

beforeEach(() => {
  ory.reset();
});

afterAll(async () => {
  await ory?.stop();
});

const questions = (): readonly string[] => ory.asked.filter((line) => line === route);

it('ends an identity’s sessions but one', async () => {
  const path = `/admin/identities/${oryIds.subject}/sessions`;
  ory.say(`GET ${path}`, 200, [{ id: 'one' }, { id: 'stays' }, { id: 'other' }]);
  // It has ended meanwhile.
  ory.say('DELETE /admin/sessions/one', 404);
  await kratos.endSessions(oryIds.subject, 'stays');
  expect(ory.asked).toEqual([
    expect.stringContaining(`GET ${path}?`),
    'DELETE /admin/sessions/one',
    'DELETE /admin/sessions/other',
  ]);
});

it('a 404 of a proxy between, and not of Kratos, doesn’t say that something is gone', async () => {
  const { subject, kratosSession: id } = oryIds;
  const clearance = ory.gateway.app.get(KratosClearance, { strict: false });
  const acts: readonly [string, () => Promise<unknown>][] = [
    [`DELETE /admin/sessions/${id}`, async () => kratos.revokeSession(id)],
    [`DELETE /admin/identities/${subject}`, async () => kratos.deleteIdentity(subject)],
    [`GET /admin/identities/${subject}`, async () => kratos.loginMethodsOf(subject)],
    [
      `DELETE /admin/identities/${subject}/sessions`,
      async () => clearance.resetSecondFactors(subject, () => undefined),
    ],
  ];
  for (const [route, act] of acts) {
    ory.say(route, 404, { message: 'Not Found' });
    await expect(act(), route).rejects.toMatchObject({ code: 'provider_unavailable' });
    expect(ory.asked).toHaveLength(1);
    ory.reset();
  }
});

it.each([
  ['a page', '<html>'],
  ['another identity', { ...kratosIdentity, id: oryIds.stranger }],
  ['other traits', { ...kratosIdentity, traits: { email: 'squatter@example.test' } }],
])(
  'a password that is replaced, and which Kratos answers with %s, may be the old one',
  async (_what, body) => {
    const { subject: id } = oryIds;
    const clearance = ory.gateway.app.get(KratosClearance, { strict: false });
    ory.say(`GET /admin/identities/${id}`, 200, {
      ...kratosIdentity,
      schema_id: 'default',
      metadata_public: null,
    });
    const holder = await clearance.holder(id);
    await clearance.replacePassword(holder);
    ory.say(`PUT /admin/identities/${id}`, 200, body);
    await expect(clearance.replacePassword(holder)).rejects.toMatchObject({ code: 'provider_unavailable' });
  },
);

describe('whoami', () => {
  it.each([
    undefined,
    '',
    '__Host-vestibule=x',
    '__Host-csrf_token_1=x; __Host-ory_kratos_continuity=y',
    '__Host-of_an_operator=y; __Host-ory=x',
    '__Host-vestibule-login.abc=x; __Host-vestibule.def=y;__Host-ory_hydra_login_csrf_1=z; __Host-ory_hydra_session_dev=a',
    'ory_kratos_session=planted',
    '__Host-ory_kratos_session=planted; __Host-ory_kratos_session=own',
    '=__Host-ory_kratos_session=x; __Host-=x',
  ])('is nobody without a question where no cookie is Kratos’ session: %j', async (cookie) => {
    expect(await kratos.whoami(cookie)).toEqual({ state: 'none' });
    expect(questions()).toEqual([]);
  });

  it('is asked about Kratos’ session', async () => {
    ory.say(route, 200, kratosSession);
    expect(await kratos.whoami('__Host-vestibule=x; __Host-ory_kratos_session=y')).toMatchObject({
      state: 'live',
      session: { id: oryIds.kratosSession },
    });
    expect(questions()).toHaveLength(1);
  });

  it.each([
    [401, 'none'],
    [403, 'aal2_required'],
  ])('%i says %s', async (status, state) => {
    ory.say(route, status);
    expect(await kratos.whoami('__Host-ory_kratos_session=x')).toEqual({ state });
  });

  it.each([401, 403])('%i of a proxy between, and not of Kratos, says nothing', async (status) => {
    ory.say(route, status, { message: 'Forbidden' });
    await expect(kratos.whoami('__Host-ory_kratos_session=x')).rejects.toMatchObject({
      code: 'provider_unavailable',
    });
  });

  it('401 is believed if Kratos says it again once it has read its database', async () => {
    ory.say(route, 401);
    expect(await kratos.whoami('__Host-ory_kratos_session=x')).toEqual({ state: 'none' });
    expect(ory.asked).toEqual([route, expect.stringContaining(noSessionRoute), route]);
  });

  it('401 says nothing while Kratos can’t read its database', async () => {
    ory.say(route, 401);
    ory.say(noSessionRoute, 500);
    await expect(kratos.whoami('__Host-ory_kratos_session=x')).rejects.toMatchObject({
      code: 'provider_unavailable',
    });
  });
});

describe('an identity', () => {
  const list = 'GET /admin/identities';
  const { identity } = kratosSession;

  it('is the one of that id, whatever else Kratos answers with', async () => {
    const other = { ...identity, id: '01980000-0000-7000-8000-00000000ffff' };
    ory.say(list, 200, [other, identity]);
    expect(await kratos.findIdentity(identity.id.toUpperCase())).toMatchObject({ id: identity.id });
    ory.say(list, 200, [other]);
    expect(await kratos.findIdentity(identity.id)).toBeUndefined();
    ory.say(list, 200, []);
    expect(await kratos.findIdentity(identity.id)).toBeUndefined();
  });

  it.each(['', 'x', '../identities', `${identity.id}&ids=x`])(
    '%j is none, without a question',
    async (id) => {
      ory.say(list, 200, [identity]);
      expect(await kratos.findIdentity(id)).toBeUndefined();
      expect(ory.asked).toEqual([]);
    },
  );
});
