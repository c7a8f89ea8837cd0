import type { Abstract } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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
  oryIds,
  personsToken,
  startAnsweringOry,
} from '../support/answering.ory.js';
import { expectProblem } from '../support/gateway.js';

let ory: AnsweringOry;

beforeAll(async () => {
  ory = await startAnsweringOry({ RATE_LIMIT: 'true' });
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
    'limits',
    'form-draft',
    'sign-up',
    'name',
    'password',
    'clearance',
    'ownership',
    'caller',
    'audit',
    'known-places',
    'facts',
    'login-return',
    'kept-draft',
  ]);
  expect(hydraGates(get, configuration, limits).map(({ name }) => name)).toEqual([
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
    'agent',
    'resource',
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

describe('tokens that Hydra made for a code', () => {
  const given = { access_token: 'ory_at_1', token_type: 'bearer' };
  const redeem = async (form: Readonly<Record<string, string>> = { code: 'ory_ac_1' }) =>
    ory.gateway.request('/ory/hydra/oauth2/token', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ grant_type: 'authorization_code', ...form }).toString(),
    });

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
