import { type JWTPayload, SignJWT } from 'jose';
import { expect } from 'vitest';
import { expectNobody, fieldOf, strategyContract } from '../../support/contract.suite.js';
import { makeOpenIdKeys } from '../../support/openid.keys.js';
import { apiAudience, contractClients, otherAudience } from '../../support/provider.driver.js';
import { waitUntil } from '../../support/stack.js';
import { UserAgent } from '../../support/user-agent.js';

strategyContract('access-token', ({ row, party, gateway }) => {
  const newAgent = (): UserAgent => new UserAgent(gateway().url);

  async function expectRefused(accessToken: string): Promise<void> {
    const agent = newAgent();
    const answer = await agent.post('/auth/login', { accessToken });
    expect({ status: answer.status, code: fieldOf(answer, 'code') }).toEqual({
      status: 401,
      code: 'access_token_rejected',
    });
    expect(answer.headers.getSetCookie()).toEqual([]);
    await expectNobody(agent);
    const exchange = await agent.fetch('/auth/token', { method: 'POST', body: exchangeForm(accessToken) });
    expect({ status: exchange.status, error: fieldOf(exchange, 'error') }).toEqual({
      status: 400,
      error: 'invalid_request',
    });
  }

  row('POST /auth/login takes a live access token of an allowed client', async () => {
    const member = await party().side.enrol();
    const { access_token: accessToken } = await party().tokens(newAgent(), member);
    const agent = newAgent();
    const answer = await agent.post('/auth/login', { accessToken });
    expect(answer.status).toBe(200);
    expect(answer.json()).toEqual({
      user: {
        id: expect.any(String),
        email: member.email,
        emailVerified: true,
        name: member.name,
        picture: member.picture,
      },
      session: { id: expect.any(String), expiresAt: expect.any(String) },
    });
    const session = await agent.fetch('/auth/session');
    expect(fieldOf(session, 'user', 'id')).toBe(fieldOf(answer, 'user', 'id'));
    expect(fieldOf(session, 'claims', 'client_id')).toBe(contractClients.app);
  });

  row('POST /auth/token makes a bearer of the same access token', async () => {
    const member = await party().side.enrol();
    const { access_token } = await party().tokens(newAgent(), member);
    const agent = newAgent();
    const answer = await agent.fetch('/auth/token', { method: 'POST', body: exchangeForm(access_token) });
    expect(answer.status).toBe(200);
    const authorization = `Bearer ${String(fieldOf(answer, 'access_token'))}`;
    const me = await agent.fetch('/api/v1/me', { headers: { authorization } });
    expect(fieldOf(me, 'email')).toBe(member.email);
  });

  row('an access token of a foreign client is refused', async () => {
    const member = await party().side.enrol();
    const { access_token } = await party().tokens(newAgent(), member, contractClients.foreign);
    await expectRefused(access_token);
  });

  row('an access token that a client got for itself is refused', async () => {
    await expectRefused(await party().robotToken(newAgent()));
  });

  row('an access token for another audience is refused', async () => {
    const member = await party().side.enrol();
    const tokens = await party().tokens(newAgent(), member, contractClients.app, otherAudience);
    await expectRefused(tokens.access_token);
  });

  row('an expired access token is refused', async () => {
    const member = await party().side.enrol();
    let accessToken = '';
    // On a busy machine a second may be over before the token is used at all.
    await waitUntil(async () => {
      accessToken = (await party().tokens(newAgent(), member, contractClients.brief)).access_token;
      return (await newAgent().post('/auth/login', { accessToken })).status === 200;
    }, 'an access token that lives');
    const livesUntil = Date.now() + 1000;
    await waitUntil(() => Date.now() > livesUntil, 'the second of its life');
    await waitUntil(
      async () => (await newAgent().post('/auth/login', { accessToken })).status !== 200,
      'the access token to expire',
    );
    await expectRefused(accessToken);
  });

  row('garbage for an access token is refused', async () => {
    const values = [
      'x',
      'a.b.c',
      'eyJhbGciOiJub25lIn0.e30.',
      '../../userinfo',
      'a'.repeat(4096),
      'x\r\ny: z',
    ];
    for (const value of values) {
      await expectRefused(value);
    }
  });

  row('a forged JWT for an access token is refused', async () => {
    const member = await party().side.enrol();
    const { access_token } = await party().tokens(newAgent(), member);
    const claims = await claimsLike(access_token);
    const { forge, tamper } = await makeOpenIdKeys();
    const signed = await forge(claims);
    const secret = new TextEncoder().encode('a secret that everybody knows, 32');
    await expectRefused(signed);
    await expectRefused(await tamper(signed, 'alg-none'));
    await expectRefused(await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(secret));
  });

  row('an ID token for an access token is refused', async () => {
    const { id_token } = await party().tokens(newAgent(), await party().side.enrol());
    await expectRefused(id_token ?? expect.fail());
  });

  row('300 access tokens with unknown key ids cause one key fetch at most', () => expectKeyFetches(300, 1), {
    ory: () => expectKeyFetches(30, 0),
  });

  async function expectKeyFetches(count: number, limit: number): Promise<void> {
    const { access_token: accessToken } = await party().tokens(newAgent(), await party().side.enrol());
    expect((await newAgent().post('/auth/login', { accessToken })).status).toBe(200);
    const claims = await claimsLike(accessToken);
    const { forge } = await makeOpenIdKeys();
    const forged = await Promise.all(
      Array.from({ length: count }, (_, index) => forge(claims, `key-${index}`)),
    );
    const before = party().side.countKeyFetches();
    const began = performance.now();
    const answers = await Promise.all(
      forged.map((token) => newAgent().post('/auth/login', { accessToken: token })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
    // At most one in five seconds; a busy machine takes longer for all of them.
    const turns = 1 + Math.floor((performance.now() - began) / 5000);
    expect(party().side.countKeyFetches() - before).toBeLessThanOrEqual(limit * turns);
    expect((await newAgent().post('/auth/login', { accessToken })).status).toBe(200);
  }

  /** What the claims of a good access token are; made up where the token shows none. */
  async function claimsLike(accessToken: string): Promise<JWTPayload> {
    const { jwtAccessTokens, env } = party().side;
    const parts = accessToken.split('.');
    const now = Math.floor(Date.now() / 1000);
    const made = {
      iss: env['OIDC_ISSUER'] ?? `${gateway().url}/ory/hydra`,
      sub: 'somebody',
      aud: apiAudience,
      client_id: contractClients.app,
      iat: now,
      exp: now + 600,
    };
    return jwtAccessTokens ? JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString()) : made;
  }
});

function exchangeForm(accessToken: string): URLSearchParams {
  return new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_token: accessToken,
  });
}
