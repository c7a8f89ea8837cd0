import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type AnsweringOry,
  kratosIdentity,
  kratosSession,
  kratosSessionRoute,
  oryAudience,
  oryError,
  oryIds,
  personsToken,
  startAnsweringOry,
} from '../../../test/support/answering.ory.js';
import { kratosIssuer } from './kratos/kratos-session.js';

const { subject } = oryIds;
const accessToken = 'ory_at_of-this-test-alone';
const clientsToken = { ...personsToken, sub: 'app', ext: null };

let ory: AnsweringOry;

beforeAll(async () => {
  ory = await startAnsweringOry();
});

beforeEach(() => {
  ory.reset();
});

afterAll(async () => {
  await ory?.stop();
});

const refusal = (code: string, reason: string) => expect.objectContaining({ code, reason });
const introspected = (token: unknown): void => ory.say('POST /admin/oauth2/introspect', 200, token);
const malformedTokens = [
  '',
  'fifteen-letters',
  'sixteen letters and spaces',
  `${accessToken}\n`,
  'x'.repeat(2049),
  `a=${accessToken}`,
];

describe('a login’s access token', () => {
  it('says who the person is, and how they logged in', async () => {
    expect(await ory.strategy.validate(accessToken)).toEqual({
      identity: expect.objectContaining({ issuer: kratosIssuer, subject, email: 'ada@example.test' }),
      profile: kratosIdentity.traits,
      evidence: {
        provider: 'ory',
        issuer: kratosIssuer,
        subject,
        clientId: 'app',
        scope: ['openid', 'email'],
        amr: ['pwd', 'otp'],
        acr: 'aal2',
        authTime: 1_700_000_000_000,
        providerSessionId: oryIds.kratosSession,
        oidcSid: oryIds.hydraSession,
      },
    });
  });

  it('claims no more than Hydra says', async () => {
    const { acr: _acr, hydra_session_id: _sid, ...ext } = personsToken.ext;
    const { scope: _scope, ...token } = personsToken;
    introspected({ ...token, ext });
    expect((await ory.strategy.validate(accessToken)).evidence).toMatchObject({
      scope: [],
      acr: 'aal1',
      oidcSid: null,
    });
  });

  it.each(malformedTokens)('%j is malformed, and nobody is asked', async (token) => {
    await expect(ory.strategy.validate(token)).rejects.toEqual(
      refusal('access_token_rejected', 'access_token_malformed'),
    );
    expect(ory.asked).toEqual([]);
  });

  it.each(['exactly-sixteen-', 'x'.repeat(2048), 'of~every.letter+that/is=='])(
    '%j is asked about',
    async (token) => {
      expect((await ory.strategy.validate(token)).evidence.subject).toBe(subject);
    },
  );

  it.each([
    ['access_token_inactive', { active: false }],
    ['access_token_inactive', { ext: null }],
    ['access_token_wrong_use', { token_use: 'refresh_token' }],
    ['access_token_foreign_client', { client_id: 'foreign' }],
    ['access_token_wrong_audience', { aud: ['https://elsewhere.example.test'] }],
    ['access_token_wrong_audience', { aud: [] }],
    ['access_token_wrong_audience', { aud: null }],
    ['kratos_session_ended', { sub: oryIds.stranger }],
  ])('%s: %j', async (reason, difference) => {
    introspected({ ...personsToken, ...difference });
    await expect(ory.strategy.validate(accessToken)).rejects.toEqual(
      refusal('access_token_rejected', reason),
    );
  });

  it.each([
    ['kratos_session_ended', 404, oryError(404)],
    ['kratos_session_ended', 200, { ...kratosSession, active: false }],
    ['kratos_session_ended', 200, { ...kratosSession, identity: { ...kratosIdentity, id: oryIds.stranger } }],
    [
      'kratos_identity_inactive',
      200,
      { ...kratosSession, identity: { ...kratosIdentity, state: 'inactive' } },
    ],
    [
      'kratos_identity_inactive',
      200,
      { ...kratosSession, identity: { ...kratosIdentity, state: undefined } },
    ],
  ])('%s: Kratos answers %i %j', async (reason, status, body) => {
    ory.say(kratosSessionRoute, status, body);
    await expect(ory.strategy.validate(accessToken)).rejects.toEqual(
      refusal('access_token_rejected', reason),
    );
  });

  it('is of the person whom the ID token names', async () => {
    const exchanged = {
      accessToken,
      sessionId: null,
      scope: [],
      amr: [],
      acr: 'aal1',
      authTime: null,
      claims: {},
    } as const;
    expect((await ory.strategy.validate(accessToken, { ...exchanged, subject })).identity.subject).toBe(
      subject,
    );
    await expect(
      ory.strategy.validate(accessToken, { ...exchanged, subject: oryIds.stranger }),
    ).rejects.toEqual(refusal('login_refused', 'subject_mismatch'));
  });
});

describe('a client’s own access token', () => {
  it('says which client it is, and until when', async () => {
    introspected(clientsToken);
    expect(await ory.strategy.validateClient(accessToken)).toEqual({
      clientId: 'app',
      expiresAt: 4_000_000_000,
      scope: ['openid', 'email'],
    });
  });

  it.each(malformedTokens)('%j is none, and nobody is asked', async (token) => {
    introspected(clientsToken);
    expect(await ory.strategy.validateClient(token)).toBeUndefined();
    expect(ory.asked).toEqual([]);
  });

  it.each([{ active: false }, { token_use: 'refresh_token' }, { sub: subject }, { ext: personsToken.ext }])(
    '%j: none',
    async (difference) => {
      introspected({ ...clientsToken, ...difference });
      expect(await ory.strategy.validateClient(accessToken)).toBeUndefined();
    },
  );

  it.each([{ aud: ['https://elsewhere.example.test'] }, { aud: [] }, { aud: null }])(
    '%j: refused',
    async (difference) => {
      introspected({ ...clientsToken, ...difference });
      await expect(ory.strategy.validateClient(accessToken)).rejects.toEqual(
        refusal('access_token_rejected', 'access_token_wrong_audience'),
      );
    },
  );
});

describe('a login by browser', () => {
  it.each([
    ['login', {}, null, null],
    ['signup', {}, 'signup', null],
    ['login', { maxAge: 60 }, null, '60'],
  ] as const)('%s %j: the parameters', async (kind, demand, hint, maxAge) => {
    const { url, checks } = await ory.strategy.begin({ kind, hints: {}, demand, attempt: 1 });
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      redirect_uri: `${ory.gateway.configuration.PUBLIC_URL}/auth/callback`,
      scope: 'openid profile email',
      audience: oryAudience,
      state: checks.state,
    });
    expect([url.searchParams.get('screen_hint'), url.searchParams.get('max_age')]).toEqual([hint, maxAge]);
    expect(ory.strategy.hints).toEqual(['connection', 'login_hint', 'ui_locales']);
  });

  it.each([
    ['login_state_invalid', 'request_forbidden'],
    ['login_refused', 'access_denied'],
  ])('%s: Hydra’s error is %s', async (code, error) => {
    const { checks } = await ory.strategy.begin({ kind: 'login', hints: {}, demand: {}, attempt: 1 });
    const answer = new URL(
      `${ory.gateway.configuration.PUBLIC_URL}/auth/callback?${new URLSearchParams({ error, state: checks.state })}`,
    );
    await expect(ory.strategy.exchange(answer, { ...checks, attempt: 1 })).rejects.toMatchObject({ code });
  });

  it.each([200, 503])('gives its access token up: Hydra answers %i', async (status) => {
    ory.say('POST /oauth2/revoke', status);
    await ory.strategy.discard(accessToken);
    expect(ory.asked).toEqual([
      expect.stringMatching(/^POST \/oauth2\/revoke .*token=ory_at_of-this-test-alone/),
    ]);
  });
});
