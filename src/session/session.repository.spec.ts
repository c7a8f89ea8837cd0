import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/support/fresh.database.js';
import { newIdentity, plainConfiguration } from '../../test/support/gateway.js';
import { Clock } from '../core/clock.service.js';
import { newId } from '../core/identifier.js';
import type { DatabaseConnection } from '../database/database.connection.js';
import type { SessionRow } from '../database/database.schema.js';
import { UsersService } from '../users/users.service.js';
import { SessionRepository } from './session.repository.js';

describe.each(['sqlite', 'postgres'] as const)('SessionRepository on %s', (kind) => {
  let database: FreshDatabase;
  let connection: DatabaseConnection;
  let sessions: SessionRepository;
  let userId: string;

  beforeEach(async () => {
    database = await freshDatabase(kind, inject('postgresUrl'));
    connection = await database.connectMigrated();
    sessions = new SessionRepository(connection, new Clock());
    const users = new UsersService(connection, new Clock(), plainConfiguration());
    userId = (await users.recordLogin(newIdentity())).user.id;
  });

  afterEach(async () => {
    await database?.drop();
  });

  async function stored(changes: Partial<SessionRow> = {}): Promise<SessionRow> {
    const now = Date.now();
    const row: SessionRow = {
      id: newId(),
      user_id: userId,
      provider: 'ory',
      provider_session_id: null,
      issuer: 'https://provider.example.test',
      subject: 'subject',
      client_id: 'vestibule',
      scope: 'openid',
      amr: 'pwd',
      claims: '{}',
      auth_time: now,
      created_at: now,
      renewed_at: now,
      ended_at: null,
      end_reason: null,
      ...changes,
    };
    await sessions.insert(row);
    return row;
  }

  it('gives back exactly what was stored, times as numbers', async () => {
    const row = await stored({ provider_session_id: 'kratos' });
    expect(await sessions.find(row.id)).toEqual(row);
    expect(await sessions.find(newId())).toBeUndefined();
  });

  it('a session of a user who is not there is refused', async () => {
    await expect(stored({ user_id: newId() })).rejects.toThrow();
  });

  it('of many ends at once exactly one counts, and its reason stays', async () => {
    const { id } = await stored();
    const other = new SessionRepository(database.connect(), new Clock());
    const ends = await Promise.all(
      Array.from({ length: 10 }, (_, index) => (index % 2 ? other : sessions).end(id, `reason_${index}`)),
    );
    expect(ends.filter(Boolean)).toHaveLength(1);
    expect((await sessions.find(id))?.end_reason).toBe(`reason_${ends.indexOf(true)}`);
  });

  it('renewals that race with an end: once it has ended, no renewal succeeds, and it stays ended', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { id } = await stored();
      const other = new SessionRepository(kind === 'sqlite' ? connection : database.connect(), new Clock());
      await Promise.all([sessions.markRenewed(id), other.end(id, 'logout'), sessions.markRenewed(id)]);
      const ended = await sessions.find(id);
      expect(ended?.ended_at).toEqual(expect.any(Number));
      expect(await sessions.markRenewed(id)).toBe(false);
      expect(await sessions.find(id)).toEqual(ended);
    }
  });

  it('lists the ends since a moment, at that moment included', async () => {
    const [first, second] = [await stored({ ended_at: 1000 }), await stored({ ended_at: 2000 })];
    await stored();
    const since = async (moment: number): Promise<string[]> =>
      (await sessions.endedSince(moment)).map(({ id }) => id).sort();
    expect(await since(1000)).toEqual([first.id, second.id].sort());
    expect(await since(2000)).toEqual([second.id]);
    expect(await since(2001)).toEqual([]);
  });
});
