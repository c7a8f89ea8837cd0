import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type AnsweringOry,
  kratosIdentity,
  kratosSession,
  kratosSessionRoute,
  oryError,
  oryIds,
  startAnsweringOry,
} from '../../../test/support/answering.ory.js';
import type { SessionRow } from '../../platform/database/database.schema.js';
import type { IdentityAdministration } from '../../auth-strategy/auth.strategy.js';
import { kratosIssuer } from './kratos/kratos-session.js';
import { SessionService } from '../../session/session.service.js';

const { subject } = oryIds;
let session: SessionRow;
let ory: AnsweringOry;

beforeAll(async () => {
  ory = await startAnsweringOry();
  const { claims } = await ory.gateway.session(
    { issuer: kratosIssuer, subject },
    {},
    { providerSessionId: oryIds.kratosSession, oidcSid: oryIds.hydraSession },
  );
  const row = await ory.gateway.app.get(SessionService, { strict: false }).findLive(claims.sid);
  if (row === undefined) {
    throw new Error('a session that was just started is stored');
  }
  session = row;
});

beforeEach(() => {
  ory.reset();
});

afterAll(async () => {
  await ory?.stop();
});

const refusal = (code: string, reason: string) => expect.objectContaining({ code, reason });

describe('the provider’s session', () => {
  it.each([
    ['alive', 200, kratosSession],
    ['ended', 404, oryError(404)],
    ['ended', 200, { ...kratosSession, active: false }],
    ['ended', 200, { ...kratosSession, identity: { ...kratosIdentity, state: 'inactive' } }],
    ['ended', 200, { ...kratosSession, identity: { ...kratosIdentity, id: oryIds.stranger } }],
    ['unknown', 500, {}],
    ['unknown', 404, {}],
    ['unknown', 404, { error: 'Not Found', path: '/admin/sessions' }],
  ])('is %s: Kratos answers %i %j', async (state, status, body) => {
    ory.say(kratosSessionRoute, status, body);
    expect(await ory.strategy.sessionState(session)).toMatchObject({ state });
  });

  it('is told with all that Kratos says of its user, from which claims are mapped again', async () => {
    const traits = { ...kratosIdentity.traits, department: 'Engines' };
    ory.say(kratosSessionRoute, 200, { ...kratosSession, identity: { ...kratosIdentity, traits } });
    expect(await ory.strategy.sessionState(session)).toMatchObject({ profile: traits });
  });

  it('that was never told is over, and nobody is asked', async () => {
    expect(await ory.strategy.sessionState({ ...session, provider_session_id: null })).toEqual({
      state: 'ended',
    });
    expect(ory.asked).toEqual([]);
  });

  it('is ended at Kratos and Hydra: tokens before the session that names them', async () => {
    expect(await ory.strategy.endSession(session)).toBeUndefined();
    expect(
      ory.asked.filter((line) => line.startsWith('DELETE')).map((line) => line.split('?', 1)[0]),
    ).toEqual([
      `DELETE /admin/sessions/${oryIds.kratosSession}`,
      'DELETE /admin/oauth2/auth/sessions/consent',
      'DELETE /admin/oauth2/auth/sessions/login',
    ]);
  });

  it.each([
    ['nobody', { provider_session_id: null, oidc_sid: null }, []],
    ['Kratos', { oidc_sid: null }, ['/admin/sessions/']],
    ['Hydra', { provider_session_id: null }, Array(4).fill('/admin/oauth2/')],
  ])('is ended where it is known: %s', async (_who, difference, expected) => {
    await ory.strategy.endSession({ ...session, ...difference });
    expect(ory.asked.map((line) => /\/admin\/\w+\//.exec(line)?.[0])).toEqual(expected);
  });

  it('that cannot be ended at Kratos is an error, and is ended at Hydra all the same', async () => {
    ory.say(`DELETE /admin/sessions/${oryIds.kratosSession}`, 500);
    await expect(ory.strategy.endSession(session)).rejects.toMatchObject({ code: 'provider_unavailable' });
    expect(
      ory.asked.filter((line) => line.startsWith('DELETE /admin/oauth2/auth/sessions/login')),
    ).toHaveLength(1);
  });

  it('is told to have ended by Hydra, under the name that our sessions have it', async () => {
    const claims = {
      iss: `${ory.gateway.configuration.PUBLIC_URL}/ory/hydra`,
      aud: 'app',
      iat: 1_700_000_000,
      jti: 'once',
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
      sid: oryIds.hydraSession,
    };
    expect(await ory.strategy.verifyLogoutToken(await ory.sign(claims))).toMatchObject({
      issuer: kratosIssuer,
      tokenIssuer: claims.iss,
      sid: oryIds.hydraSession,
    });
  });
});

describe('identities', () => {
  const patched = (): unknown =>
    JSON.parse(ory.asked.find((line) => line.startsWith('PATCH'))?.replace(/^PATCH \S+ /, '') ?? 'null');

  it.each([
    [{ name: 'Grace' }, [{ op: 'add', path: '/traits/name', value: 'Grace' }]],
    [{ picture: 'https://x.test/y' }, [{ op: 'add', path: '/traits/picture', value: 'https://x.test/y' }]],
  ])('%j changes that and nothing else', async (change, patch) => {
    await ory.strategy.identities?.updateProfile(subject, change, 'session');
    expect(patched()).toEqual(patch);
  });

  it.each([
    [400, 'validation_failed', 'traits_rejected'],
    [404, 'conflict', 'kratos_identity_gone'],
  ])('a change that Kratos answers %i is %s', async (status, code, reason) => {
    ory.say(`PATCH /admin/identities/${subject}`, status);
    await expect(
      ory.strategy.identities?.updateProfile(subject, { name: 'Grace' }, 'session'),
    ).rejects.toEqual(refusal(code, reason));
  });

  it.each([
    [true, 'active'],
    [false, 'inactive'],
  ])('active: %s → %s', async (active, value) => {
    await ory.strategy.identities?.setActive(subject, active);
    expect(patched()).toEqual([{ op: 'replace', path: '/state', value }]);
  });

  const { traits } = kratosIdentity;
  const address = kratosIdentity.verifiable_addresses[0];
  it.each<[string, (identities: IdentityAdministration) => Promise<unknown>, unknown]>([
    ['a page', (identities) => identities.updateProfile(subject, { name: 'Grace' }, 'session'), '<html>'],
    ['nothing', (identities) => identities.updateProfile(subject, { name: 'Grace' }, 'session'), {}],
    [
      'another identity',
      (identities) => identities.updateProfile(subject, { name: 'Grace' }, 'session'),
      { ...kratosIdentity, id: oryIds.stranger, traits: { ...traits, name: 'Grace' } },
    ],
    [
      'an old name',
      (identities) => identities.updateProfile(subject, { name: 'Grace' }, 'session'),
      kratosIdentity,
    ],
    [
      'an old picture',
      (identities) => identities.updateProfile(subject, { picture: null }, 'session'),
      { ...kratosIdentity, traits: { ...traits, picture: 'https://x.test/y' } },
    ],
    ['an old state', (identities) => identities.setActive(subject, false), kratosIdentity],
    [
      'an address that isn’t verified',
      (identities) => identities.verifyAddress(subject, 'ada@example.test'),
      { ...kratosIdentity, verifiable_addresses: [{ ...address, verified: false }] },
    ],
  ])('whose change Kratos answers with %s: it isn’t believed', async (_what, change, body) => {
    ory.say(`GET /admin/identities/${subject}`, 200, kratosIdentity);
    ory.say(`PATCH /admin/identities/${subject}`, 200, body);
    const { identities } = ory.strategy;
    await expect(identities && change(identities)).rejects.toMatchObject({ code: 'provider_unavailable' });
  });

  it('have an address verified, unless they have lost it meanwhile', async () => {
    ory.say(`GET /admin/identities/${subject}`, 200, kratosIdentity);
    expect(await ory.strategy.identities?.verifyAddress(subject, 'ada@example.test')).toBe(true);
    ory.say(`PATCH /admin/identities/${subject}`, 200, { ...kratosIdentity, verifiable_addresses: [] });
    expect(await ory.strategy.identities?.verifyAddress(subject, 'ada@example.test')).toBe(false);
  });

  it('a recovery has the page of this gateway that takes its code', async () => {
    expect(await ory.strategy.identities?.recover(subject)).toEqual({
      code: '123456',
      flow: oryIds.recoveryFlow,
      url: `${ory.gateway.configuration.PUBLIC_URL}/ui/recovery?flow=${oryIds.recoveryFlow}`,
      expiresAt: Date.parse('2026-01-01T00:00:00Z'),
    });
    ory.say('POST /admin/recovery/code', 404);
    await expect(ory.strategy.identities?.recover(subject)).rejects.toEqual(
      refusal('conflict', 'kratos_identity_gone'),
    );
  });

  const ended = [
    `GET /admin/oauth2/auth/sessions/consent?page_size=25&subject=${subject}`,
    'DELETE /admin/oauth2/auth/sessions/login?sid=hydra-session',
    `DELETE /admin/oauth2/auth/sessions/login?subject=${subject}`,
    `DELETE /admin/oauth2/auth/sessions/consent?subject=${subject}&all=true`,
  ];

  const consent = (client_id: string, of: string, more: object = {}) => ({
    session: { access_token: { kratos_session_id: of } },
    consent_request: { client: { client_id, skip_consent: true } },
    ...more,
  });
  const asked = { consent_request: { client: { client_id: 'asked' } } };

  it.each([
    [undefined, ['wiki', 'vestibule-spa', 'chat', 'shop']],
    [oryIds.kratosSession, ['wiki', 'shop']],
  ])(
    'whose sessions end but %s lose what they allow unasked, and Hydra is asked if Kratos can’t be',
    async (except, ended) => {
      ory.say('GET /admin/oauth2/auth/sessions/consent', 200, [
        consent('wiki', oryIds.kratosSession),
        consent('wiki', 'elsewhere'),
        consent('vestibule', 'elsewhere'),
        consent('vestibule-spa', oryIds.kratosSession),
        consent('chat', oryIds.kratosSession),
        consent('shop', oryIds.kratosSession, { remember: true }),
        asked,
      ]);
      const revoked = (): string[] =>
        ory.asked.flatMap((line) => {
          const [, query] = line.split('DELETE /admin/oauth2/auth/sessions/consent?');
          return query === undefined ? [] : [new URLSearchParams(query).get('client') ?? ''];
        });
      ory.say(`GET /admin/identities/${subject}/sessions`, 200, []);
      await ory.strategy.identities?.endSessions(subject, except);
      expect(revoked()).toEqual(ended);
      ory.asked.length = 0;
      ory.say(`DELETE /admin/identities/${subject}/sessions`, 500);
      ory.say(`GET /admin/identities/${subject}/sessions`, 500);
      await expect(ory.strategy.identities?.endSessions(subject, except)).rejects.toMatchObject({
        code: 'provider_unavailable',
      });
      expect(revoked()).toEqual(ended);
    },
  );

  it('stay if Hydra can’t be asked', async () => {
    ory.say('DELETE /admin/oauth2/auth/sessions/login', 503);
    await expect(ory.strategy.identities?.delete(subject)).rejects.toEqual(
      expect.objectContaining({ code: 'provider_unavailable' }),
    );
    expect(ory.asked).not.toContain(`DELETE /admin/identities/${subject}`);
  });

  it('that are disabled lose what they have allowed applications, and can allow no more before that', async () => {
    await ory.strategy.identities?.setActive(subject, false);
    expect(ory.asked).toEqual([
      expect.stringContaining(`PATCH /admin/identities/${subject} `),
      `DELETE /admin/identities/${subject}/sessions`,
      ...ended,
    ]);
  });

  it.each([
    `PATCH /admin/identities/${subject}`,
    `DELETE /admin/identities/${subject}/sessions`,
    'GET /admin/oauth2/auth/sessions/consent',
    'DELETE /admin/oauth2/auth/sessions/login',
    'DELETE /admin/oauth2/auth/sessions/consent',
  ])('that are disabled lose all that they can, also when %s fails', async (route) => {
    ory.say(route, 503);
    await expect(ory.strategy.identities?.setActive(subject, false)).rejects.toMatchObject({
      code: 'provider_unavailable',
    });
    expect(ory.asked).toEqual(
      expect.arrayContaining([
        expect.stringContaining(`PATCH /admin/identities/${subject} `),
        `DELETE /admin/identities/${subject}/sessions`,
        ...ended.slice(-2),
      ]),
    );
  });

  it('are deleted at Kratos, after what they have allowed applications', async () => {
    await ory.strategy.identities?.delete(subject);
    expect(ory.asked).toEqual([...ended, `DELETE /admin/identities/${subject}`]);
    expect(ory.strategy.identities?.issuer).toBe(kratosIssuer);
  });
});

describe('readiness', () => {
  it.each(['GET /admin/health/ready', 'GET /health/ready'])('is gone when %s fails', async (route) => {
    ory.say(route, 503);
    await expect(ory.strategy.requireReady()).rejects.toMatchObject({ code: 'provider_unavailable' });
  });

  it('needs Kratos, Hydra and our clients there', async () => {
    await expect.poll(() => ory.strategy.requireReady().then(() => 'ready', String)).toBe('ready');
  });
});
