import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/platform/core/identifier.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { RevocationService } from '../../src/session/revocation/revocation.service.js';
import { TokenService } from '../../src/session/tokens/token.service.js';
import { administratorAt, promote } from '../support/administrator.js';
import { plantOrg, send } from '../support/api.caller.js';
import { type Gateway, type HeldSession, providerEnv, startGateway } from '../support/gateway.js';

/**
 * A replica of the version before writes into `jti` when it minted a token, and not when it read the account: what it read before a change
 * and minted after it looks newer than the change. Such tokens are made here by hand.
 */
describe('beside a replica of the version before', () => {
  let gateway: Gateway;
  let administrator: HeldSession;

  beforeAll(async () => {
    gateway = await startGateway(providerEnv.oidc);
    administrator = await administratorAt(gateway);
  });

  afterAll(async () => {
    await gateway?.stop();
  });

  /** The token that the other replica mints now from what it read before. */
  async function mintedLate({ claims }: HeldSession): Promise<string> {
    const tokens = gateway.app.get(TokenService, { strict: false });
    return (await tokens.mint({ ...claims, jti: newId(Date.now() + 1000) })).token;
  }

  const asCookie = (token: string): { cookie: string } => ({
    cookie: `${gateway.cookieName}=${gateway.seal(token)}`,
  });

  async function demoted(): Promise<HeldSession> {
    const held = await administratorAt(gateway);
    const answer = await send(
      gateway,
      'PATCH',
      `/api/v1/users/${held.user.id}`,
      { cookie: administrator.cookie },
      {
        role: 'user',
      },
    );
    expect(answer.status).toBe(200);
    return held;
  }

  it('the token that a demoted administrator got from it changes nothing, by cookie or bearer [C02]', async () => {
    const former = await demoted();
    const member = await gateway.session();
    const org = await plantOrg(gateway, 'roll-out', { owner: member });
    const token = await mintedLate(former);
    const path = `/api/v1/users/${former.user.id}`;
    const membership = `/api/v1/orgs/${org}/members/${member.user.id}`;
    for (const as of [asCookie(token), { authorization: `Bearer ${token}` }]) {
      const answers = await Promise.all([
        send(gateway, 'PATCH', path, as, { role: 'admin' }),
        send(gateway, 'PATCH', `/api/v1/users/${member.user.id}`, as, { role: 'admin' }),
        send(gateway, 'POST', `/api/v1/users/${member.user.id}/disable`, as),
        send(gateway, 'DELETE', `/api/v1/users/${member.user.id}`, as),
        send(gateway, 'DELETE', `/api/v1/users/${member.user.id}/sessions`, as),
        send(gateway, 'POST', '/api/v1/signing-keys/rotate', as),
        send(gateway, 'PATCH', membership, as, { role: 'member' }),
        send(gateway, 'POST', `/api/v1/orgs/${org}/invites`, as, { role: 'owner' }),
        send(gateway, 'POST', `/api/v1/orgs/${org}/api-keys`, as, {
          name: 'Key',
          scope: 'api',
          role: 'admin',
        }),
        send(gateway, 'PATCH', `/api/v1/orgs/${org}`, as, { name: 'Mine' }),
        send(gateway, 'DELETE', `/api/v1/orgs/${org}`, as),
      ]);
      expect(answers.map(({ status }) => status).filter((status) => ![403, 404].includes(status))).toEqual(
        [],
      );
    }
    const rows = await gateway.app
      .get(Database, { strict: false })
      .query.selectFrom('users')
      .select(['role', 'disabled_at'])
      .where('id', 'in', [former.user.id, member.user.id])
      .execute();
    expect(rows).toEqual([
      { role: 'user', disabled_at: null },
      { role: 'user', disabled_at: null },
    ]);
  });

  it('and it is worth no more than the next change that is told: then a cookie is renewed, and a bearer refused', async () => {
    const former = await demoted();
    const tokens = gateway.app.get(TokenService, { strict: false });
    const { token } = await tokens.mint({ ...former.claims, jti: newId(Date.now()) });
    await gateway.app.get(RevocationService, { strict: false }).invalidate('user', former.user.id);
    const renewed = await gateway.request('/api/v1/me', { headers: asCookie(token) });
    expect([renewed.status, renewed.json()]).toMatchObject([200, { role: 'user' }]);
    const refused = await gateway.request('/api/v1/me', { headers: { authorization: `Bearer ${token}` } });
    expect(refused.status).toBe(401);
  });

  it('its cookies and bearers are taken as before: nobody is logged out', async () => {
    const { claims } = await gateway.session();
    const tokens = gateway.app.get(TokenService, { strict: false });
    // As it wrote them: the id is of the moment of minting.
    const { token } = await tokens.mint({ ...claims, jti: newId() });
    for (const headers of [asCookie(token), { authorization: `Bearer ${token}` }]) {
      expect((await gateway.request('/api/v1/me', { headers })).status).toBe(200);
    }
  });

  it('an administrator whom it has just promoted is one here at the next login', async () => {
    const { user } = await gateway.session();
    await promote(gateway.app, user.id);
    expect(await administratorAt(gateway)).toMatchObject({ claims: { roles: ['admin'] } });
  });
});
