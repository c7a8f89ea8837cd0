import type { Abstract } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../../src/platform/database/database.schema.js';
import { LoginLimits } from '../../src/directory/rate-limit/login-limits.js';
import { RateLimits } from '../../src/directory/rate-limit/rate-limits.js';
import { KratosClient } from '../../src/providers/ory/kratos/kratos.client.js';
import { SessionQuestions } from '../../src/providers/ory/kratos/session-questions.js';
import { hydraGates } from '../../src/providers/ory/proxy/hydra-gates.js';
import { kratosGates } from '../../src/providers/ory/proxy/kratos-gates.js';
import { OryLimits } from '../../src/providers/ory/proxy/ory-limits.js';
import {
  type AnsweringOry,
  kratosIdentity,
  kratosSession,
  noSessionRoute,
  oryIds,
  personsToken,
  startAnsweringOry,
} from '../support/answering.ory.js';
import { expectProblem } from '../support/gateway.js';
import { waitUntil } from '../support/stack.js';

let ory: AnsweringOry;

beforeAll(async () => {
  ory = await startAnsweringOry({
    RATE_LIMIT: 'true',
    TRUST_PROXY: 'loopback',
    RATE_LIMIT_POLICIES: 'settings-recipient=2/1d,verification-account=2/1h,start-address=20/5m',
  });
});

beforeEach(() => {
  ory.reset();
});

afterAll(async () => {
  await ory?.stop();
});

it('the gates stand in this order, which is policy: a change of it is a decision', () => {
  const { app, configuration } = ory.gateway;
  if (configuration.AUTH_PROVIDER !== 'ory') {
    throw new TypeError('the gates are those of Ory');
  }
  const get = <T>(part: Abstract<T>): T => app.get(part, { strict: false });
  const limits = new OryLimits(
    get(RateLimits),
    get(LoginLimits),
    get(KratosClient),
    get(SessionQuestions),
    configuration.PUBLIC_URL,
  );
  expect(kratosGates(get, configuration, limits).map(({ name }) => name)).toEqual([
    'query',
    'begun-flow',
    'limits',
    'form-draft',
    'sign-up',
    'name',
    'password',
    'clearance',
    'ownership',
    'session-outage',
    'caller',
    'turn',
    'audit',
    'turn-over',
    'known-places',
    'facts',
    'login-return',
    'kept-draft',
  ]);
  expect(hydraGates(get, configuration, limits).map(({ name }) => name)).toEqual([
    'pushed-request',
    'reading',
    'other-origins',
    'metadata',
    'posted-authorization',
    'keys',
    'limits',
    'secret',
    'refresh',
    'code',
    'client-outage',
    'response',
    'used-verifier',
    'token-outage',
    'agent',
    'assertion',
    'device',
    'identity-assertion',
    'push',
    'resource',
    'response-type',
    'request-object',
    'code-protection',
    'state',
    'logout-state',
    'answer',
    'refresh-answer',
    'challenge',
  ]);
});

it('a form of the settings asks Kratos for the session once before it is passed on, and again after the answer', async () => {
  ory.say('GET /sessions/whoami', 200, kratosSession);
  ory.say(`GET /admin/identities/${oryIds.subject}`, 200, { ...kratosIdentity, credentials: {} });
  await ory.gateway.request(`/ory/kratos/self-service/settings?flow=${crypto.randomUUID()}`, {
    method: 'POST',
    headers: {
      cookie: '__Host-ory_kratos_session=c2Vzc2lvbg==',
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ method: 'profile', 'traits.email': 'ada2@example.test' }).toString(),
  });
  const passedOn = ory.asked.findIndex((line) => line.startsWith('POST /self-service/settings'));
  expect(passedOn).toBeGreaterThan(0);
  const asks = (line: string): boolean => line.startsWith('GET /sessions/whoami');
  expect(ory.asked.slice(0, passedOn).filter(asks)).toHaveLength(1);
  expect(ory.asked.slice(passedOn).some(asks)).toBe(true);
});

it('a change that Kratos has made is answered so, also when the database is away by then', async () => {
  ory.say('GET /sessions/whoami', 200, kratosSession);
  ory.say(`GET /admin/identities/${oryIds.subject}`, 200, { ...kratosIdentity, credentials: {} });
  ory.say('GET /self-service/settings/flows', 200, { state: 'success', ui: { nodes: [] } });
  const { query } = ory.gateway.app.get(Database, { strict: false });
  const change = async (): Promise<number> => {
    const { status } = await ory.gateway.request(
      `/ory/kratos/self-service/settings?flow=${crypto.randomUUID()}`,
      {
        method: 'POST',
        headers: {
          cookie: '__Host-ory_kratos_session=c2Vzc2lvbg==',
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: new URLSearchParams({ method: 'password', password: 'a new password 7' }).toString(),
      },
    );
    return status;
  };
  await query.schema.alterTable('forgotten_accounts').renameTo('away').execute();
  try {
    expect(await change()).toBe(200);
  } finally {
    await query.schema.alterTable('away').renameTo('forgotten_accounts').execute();
  }
  const count = async () => (await query.selectFrom('forgotten_accounts').selectAll().execute()).length;
  await waitUntil(async () => (await count()) > 0, 'the accounts to be stored');
});

describe('limits of mails to an account', () => {
  const session = '__Host-ory_kratos_session=c2Vzc2lvbg==';
  const post = async (kind: string, fields: Readonly<Record<string, string>>, cookie?: string) => {
    const { status } = await ory.gateway.request(
      `/ory/kratos/self-service/${kind}?flow=${crypto.randomUUID()}`,
      {
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          ...(cookie === undefined ? {} : { cookie }),
        },
        body: new URLSearchParams(fields).toString(),
      },
    );
    return status;
  };

  it('aren’t used up by strangers who ask for a verification: its owner still gets two mails', async () => {
    const ask = async (cookie?: string) => post('verification', { email: 'ada@example.test' }, cookie);
    for (let count = 0; count < 4; count += 1) {
      expect(await ask()).toBe(401);
    }
    ory.say('GET /sessions/whoami', 200, kratosSession);
    expect([await ask(session), await ask(session), await ask(session)]).toEqual([200, 200, 429]);
  });

  it('aren’t used up by changes of address that Kratos refuses; those that it may have mailed count', async () => {
    const change = async (cookie?: string) =>
      post('settings', { method: 'profile', 'traits.email': 'grace@example.test' }, cookie);
    ory.say('POST /self-service/settings', 401);
    expect([await change(), await change(), await change()]).toEqual([401, 401, 401]);
    ory.say('GET /sessions/whoami', 200, kratosSession);
    ory.say(`GET /admin/identities/${oryIds.subject}`, 200, { ...kratosIdentity, credentials: {} });
    ory.say('GET /admin/identities', 200, [{ ...kratosIdentity, id: oryIds.stranger }]);
    ory.say('POST /self-service/settings', 400);
    expect([await change(session), await change(session), await change(session)]).toEqual([400, 400, 400]);
    ory.say('GET /admin/identities', 200, []);
    expect([await change(session), await change(session), await change(session)]).toEqual([400, 400, 429]);
  });
});

it('a login with a password and a backup code is refused: which one Kratos takes, the gateway can’t know', async () => {
  const answer = await ory.gateway.request(`/ory/kratos/self-service/login?flow=${crypto.randomUUID()}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'method=password&identifier=ada@example.test&password=a&lookup_secret=x',
  });
  expectProblem(answer, 400, 'malformed_request');
  expect(ory.asked.some((line) => line.startsWith('POST /self-service/login'))).toBe(false);
});

it('errors that Kratos would store for anyone are counted, and what it answers otherwise isn’t', async () => {
  const paths = ['login', 'registration', 'logout', 'settings', 'methods/oidc/callback/company'].map(
    (path) => `/self-service/${path}`,
  );
  const statuses = async (): Promise<number[]> => {
    const seen: number[] = [];
    for (let count = 0; count < 24; count += 1) {
      const url = `/ory/kratos${paths[count % paths.length]}?flow=x`;
      const headers = { 'x-forwarded-for': '198.51.100.9' };
      seen.push((await ory.gateway.request(url, { headers })).status);
    }
    return seen;
  };
  const times = (count: number, status: number): number[] => Array.from({ length: count }, () => status);
  expect(await statuses()).toEqual(times(24, 200));
  paths.forEach((path) => ory.say(`GET ${path}`, 404));
  expect(await statuses()).toEqual([...times(20, 404), ...times(4, 429)]);
});

it.each([
  ['code', 'code'],
  ['token', 'only_code'],
  ['code id_token', 'only_code'],
  ['id_token&resource=https%3A%2F%2Fapi.example.test', 'only_code'],
  ['token&consent_verifier=a-verifier-of-hydras', 'only_code'],
])('an authorization request for %s reaches Hydra as one for %s', async (given, passedOn) => {
  ory.say('GET /admin/clients/app', 200, { client_id: 'app', redirect_uris: [] });
  await ory.gateway.request(`/ory/hydra/oauth2/auth?client_id=app&response_type=${given}`);
  const [query = ''] = ory.asked.flatMap((line) => line.split('GET /oauth2/auth?')[1] ?? []);
  expect(new URLSearchParams(query).get('response_type')).toBe(passedOn);
});

/** Queries with which a request reached Hydra at this path. */
const queriesOf = (path: string): URLSearchParams[] =>
  ory.asked.flatMap((line) =>
    line.startsWith(`GET ${path}?`) ? [new URLSearchParams(line.split('?')[1])] : [],
  );

describe('a request object', () => {
  it.each(['request', 'request_uri'])('as %s is refused by Hydra, which gets none of it', async (name) => {
    ory.say('GET /admin/clients/app', 200, { client_id: 'app', redirect_uris: [] });
    const asked = 'client_id=app&response_type=code&prompt=none';
    await ory.gateway.request(`/ory/hydra/oauth2/auth?${asked}&${name}=eyJhbGciOiJub25lIn0.e30.`);
    const [passedOn] = queriesOf('/oauth2/auth');
    expect([passedOn?.has(name), passedOn?.get('response_type')]).toEqual([false, 'no_request_object']);
  });

  it('that a browser adds to a login under way is refused here', async () => {
    const verifier = 'a-verifier-of-hydras';
    const answer = await ory.gateway.request(
      `/ory/hydra/oauth2/auth?client_id=app&login_verifier=${verifier}&request=x`,
    );
    expect([answer.status, queriesOf('/oauth2/auth')]).toEqual([400, []]);
  });
});

describe.each([
  ['state=s', ''],
  ['state=s&ui_locales=de', 'ui_locales=de'],
  ['state=s&id_token_hint=x', 'state=s&id_token_hint=x'],
  ['state=s&post_logout_redirect_uri=x', 'state=s&post_logout_redirect_uri=x'],
])('a logout with %s', (given, passedOn) => {
  const path = '/ory/hydra/oauth2/sessions/logout';

  it(`reaches Hydra with "${passedOn}": a state is for an address to return to`, async () => {
    await ory.gateway.request(`${path}?${given}`);
    expect(ory.asked.at(-1)?.split(/[? ]/)).toEqual(
      ['GET', '/oauth2/sessions/logout', passedOn].filter((part) => part !== ''),
    );
  });

  it('the same in a form', async () => {
    await ory.gateway.request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: given,
    });
    expect(ory.asked.at(-1)).toBe(`POST /oauth2/sessions/logout ${passedOn}`.trim());
  });
});

const redeem = async (form: Readonly<Record<string, string>> = { code: 'ory_ac_1' }) =>
  ory.gateway.request('/ory/hydra/oauth2/token', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'authorization_code', ...form }).toString(),
  });

describe.each([
  {
    what: 'a session',
    path: '/ory/kratos/sessions/whoami',
    headers: { cookie: '__Host-ory_kratos_session=c2Vzc2lvbg==' },
    question: 'GET /sessions/whoami',
    reading: noSessionRoute,
    again: 'GET /sessions/whoami',
  },
  {
    what: 'a token',
    path: '/ory/hydra/userinfo',
    headers: { authorization: 'Bearer ory_at_made-up' },
    question: 'GET /userinfo',
    reading: 'GET /admin/clients/vestibule',
    again: 'POST /admin/oauth2/introspect',
  },
])('$what that Ory refuses', ({ path, headers, question, reading, again }) => {
  const ask = async (given: Readonly<Record<string, string>> = headers) =>
    ory.gateway.request(path, { headers: given });

  beforeEach(() => {
    ory.say(question, 401);
    ory.say('POST /admin/oauth2/introspect', 200, { active: false });
  });

  it('is refused once Ory has read its database and says so again, and at once if there is none', async () => {
    expect((await ask()).status).toBe(401);
    expect(ory.asked.map((line) => line.split('?')[0]?.split(' token=')[0])).toEqual([
      question,
      reading,
      again,
    ]);
    ory.asked.length = 0;
    expect((await ask({})).status).toBe(401);
    expect(ory.asked).toEqual([question]);
  });

  it('isn’t while Ory can’t read its database', async () => {
    ory.say(reading, 500);
    const answer = await ask();
    expectProblem(answer, 503, 'provider_unavailable');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(answer.headers['www-authenticate']).toBeUndefined();
  });
});

it('a live refresh token is no access token: Hydra’s refusal stands', async () => {
  ory.say('GET /userinfo', 401);
  ory.say('POST /admin/oauth2/introspect', 200, { ...personsToken, token_use: 'refresh_token' });
  const headers = { authorization: 'Bearer ory_rt_of-a-user.x' };
  const answer = await ory.gateway.request('/ory/hydra/userinfo', { headers });
  expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'error=request_unauthorized']);
});

it.each([
  ['multipart/form-data; boundary=x', 'is refused'],
  ['Multipart/Form-Data; boundary=x', 'is refused'],
  ['application/json', 'reaches Hydra'],
  ['application/x-www-form-urlencoded', 'reaches Hydra'],
])('a question about a user with a body of the type %s %s', async (type, outcome) => {
  const answer = await ory.gateway.request('/ory/hydra/userinfo', {
    method: 'POST',
    headers: { 'content-type': type, authorization: 'Bearer ory_at_of-a-user.x' },
    body: '{}',
  });
  const hasReached = ory.asked.some((line) => line.startsWith('POST /userinfo'));
  expect([answer.status === 415, hasReached]).toEqual(
    outcome === 'is refused' ? [true, false] : [false, true],
  );
});

it('a token that Hydra has refused, and refuses no more, is to be tried again', async () => {
  ory.say('GET /userinfo', 401);
  const headers = { authorization: 'Bearer ory_at_of-a-user.x' };
  expectProblem(await ory.gateway.request('/ory/hydra/userinfo', { headers }), 503, 'provider_unavailable');
});

describe('a token that Hydra takes for inactive while it can’t read its database', () => {
  beforeEach(() => {
    ory.say('POST /admin/oauth2/introspect', 200, { active: false });
    ory.say('GET /admin/clients/vestibule', 500);
  });

  it('gets no refresh past the gate unjudged', async () => {
    const form = { grant_type: 'refresh_token', refresh_token: 'ory_rt_of-a-user.x' };
    expectProblem(await redeem(form), 503, 'provider_unavailable');
    expect(ory.asked.some((line) => line.startsWith('POST /oauth2/token'))).toBe(false);
  });

  it('doesn’t count as ended when it comes for a code, or for a login', async () => {
    ory.say('POST /oauth2/token', 200, { access_token: 'ory_at_1', token_type: 'bearer' });
    expectProblem(await redeem(), 503, 'provider_unavailable');
    await expect(ory.strategy.validate('ory_at_of-a-user.x')).rejects.toMatchObject({
      code: 'provider_unavailable',
    });
  });
});

describe('tokens that Hydra made for a code', () => {
  const given = { access_token: 'ory_at_1', token_type: 'bearer' };

  beforeEach(() => ory.say('POST /oauth2/token', 200, given));

  it('are given to no application while Hydra can’t be asked about them, or if its answer has none', async () => {
    ory.say('POST /admin/oauth2/introspect', 500);
    expectProblem(await redeem(), 503, 'provider_unavailable');
    ory.reset();
    ory.say('POST /oauth2/token', 200, {});
    expectProblem(await redeem(), 503, 'provider_unavailable');
  });

  it('are given to none if they have ended meanwhile', async () => {
    ory.say('POST /admin/oauth2/introspect', 200, { active: false });
    const { status, json } = await redeem();
    expect([status, json()]).toMatchObject([400, { error: 'invalid_grant' }]);
  });

  it('are given to the product’s own client as they are, and a machine’s are not asked about', async () => {
    ory.say('POST /admin/oauth2/introspect', 200, { ...personsToken, client_id: 'vestibule-spa' });
    expect((await redeem()).json()).toEqual(given);
    ory.asked.length = 0;
    expect((await redeem({ grant_type: 'client_credentials' })).json()).toEqual(given);
    expect(ory.asked.some((line) => line.includes('introspect'))).toBe(false);
  });
});
