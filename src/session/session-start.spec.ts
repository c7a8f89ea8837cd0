import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { databaseKinds } from '../../test/support/database.kinds.js';
import { type FreshDatabase, migratedDatabase } from '../../test/support/fresh.database.js';
import { newIdentity, plainConfiguration } from '../../test/support/gateway.js';
import { Clock } from '../platform/time/clock.service.js';
import { newId } from '../platform/core/identifier.js';
import type { DatabaseConnection } from '../platform/database/database-connection.js';
import type { SessionRow } from '../platform/database/database.schema.js';
import { UserChanges } from '../directory/users/user-changes.js';
import { RequiredFactors } from '../directory/users/required-factors.js';
import { UsersService } from '../directory/users/users.service.js';
import { SessionRepository } from './store/session.repository.js';

/** An operator. */
const somebody = { id: null, isAdministrator: true };
const end = { reason: 'x', expiresAt: Date.now() + 600_000, usedBefore: 0 };
const always = { begun: 0, renewed: 0 };

describe.each(databaseKinds)('sessions of people who are on their way out, on %s', (kind) => {
  let database: FreshDatabase;
  let connection: DatabaseConnection;
  let users: UsersService;
  let sessions: SessionRepository;
  /** The changes of another replica, where there can be one. */
  let changes: UserChanges;
  let elsewhere: SessionRepository;

  beforeEach(async () => {
    database = await migratedDatabase(kind, inject('postgresUrl'));
    connection = database.connect();
    users = new UsersService(connection, new Clock(), plainConfiguration(), new RequiredFactors());
    sessions = new SessionRepository(connection, new Clock());
    const other = kind === 'sqlite' ? connection : database.connect();
    changes = new UserChanges(other, new Clock());
    elsewhere = new SessionRepository(other, new Clock());
  });

  afterEach(async () => {
    await database?.drop();
  });

  const sessionOf = (userId: string): SessionRow => ({
    id: newId(),
    user_id: userId,
    provider: 'ory',
    provider_session_id: null,
    oidc_sid: null,
    issuer: 'https://provider.example.test',
    subject: 'subject',
    client_id: 'vestibule',
    scope: 'openid',
    amr: 'pwd',
    acr: 'aal1',
    claims: '{}',
    auth_time: 1,
    created_at: Date.now(),
    renewed_at: Date.now(),
    org_id: null,
    user_agent: null,
    remote_address: null,
    last_seen_at: null,
    ended_at: null,
    end_reason: null,
  });

  it('one is stored as it is, by one statement', async () => {
    const { id } = (await users.recordLogin(newIdentity())).user;
    const said: string[] = [];
    const watched = database.connect(({ query }) => said.push(query.sql));
    const transaction = vi.spyOn(watched.query, 'transaction');
    const session = { ...sessionOf(id), oidc_sid: 'sid', auth_time: 1_700_000_000_000 };
    await new SessionRepository(watched, new Clock()).insert(session);
    expect(transaction).not.toHaveBeenCalled();
    expect(said).toEqual([expect.stringMatching(/^insert into "sessions" /)]);
    expect(await sessions.find(session.id)).toEqual(session);
  });

  it('anyone who is disabled or gone gets none', async () => {
    const { id } = (await users.recordLogin(newIdentity())).user;
    await changes.disable(id, somebody);
    await expect(sessions.insert(sessionOf(id))).rejects.toMatchObject({ reason: 'user_disabled' });
    await changes.delete(id);
    await expect(sessions.insert(sessionOf(id))).rejects.toMatchObject({
      code: 'unauthenticated',
      reason: 'user_unknown',
    });
  });

  it('anyone who is disabled while they log in, ten times over, has no live session afterwards', async () => {
    let ended = 0;
    for (let round = 0; round < 20; round += 1) {
      const { id } = (await users.recordLogin(newIdentity())).user;
      const logins = Array.from({ length: 10 }, () => sessions.insert(sessionOf(id)));
      const shut = changes.disable(id, somebody).then(() => elsewhere.endAll({ userId: id }, end));
      const results = await Promise.allSettled(logins);
      ended += (await shut).ids.length;
      expect(await sessions.listOf(id, always, 100)).toEqual([]);
      const refused = results.flatMap((result) =>
        result.status === 'rejected' ? [result.reason.reason] : [],
      );
      expect(new Set([...refused, 'user_disabled'])).toEqual(new Set(['user_disabled']));
    }
    expect(ended).toBeGreaterThan(0);
  });
});
