import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/support/fresh.database.js';
import { newIdentity, plainConfiguration } from '../../test/support/gateway.js';
import { waitUntil } from '../../test/support/stack.js';
import { Clock } from '../core/clock.service.js';
import { newId } from '../core/identifier.js';
import type { DatabaseConnection } from '../database/database.connection.js';
import { UsersService } from '../users/users.service.js';
import { RevocationList } from './revocation.list.js';
import { SessionRepository } from './session.repository.js';

const configuration = plainConfiguration();
const horizon = configuration.TOKEN_TTL * 1000 + 60_000;

describe.each(['sqlite', 'postgres'] as const)('RevocationList on %s', (kind) => {
  let database: FreshDatabase;
  let connection: DatabaseConnection;
  let sessions: SessionRepository;
  let clock: Clock;
  let list: RevocationList;

  beforeEach(async () => {
    database = await freshDatabase(kind, inject('postgresUrl'));
    connection = await database.connectMigrated();
    clock = new Clock();
    sessions = new SessionRepository(connection, clock);
    list = new RevocationList(sessions, clock, configuration);
  });

  afterEach(async () => {
    list.onModuleDestroy();
    await database?.drop();
  });

  /** A stored session. @param endedAt milliseconds, or null while it lives. */
  async function session(endedAt: number | null): Promise<string> {
    const id = newId();
    const { user } = await new UsersService(connection, clock, configuration).recordLogin(newIdentity());
    await sessions.insert({
      id,
      user_id: user.id,
      provider: 'ory',
      provider_session_id: null,
      issuer: 'i',
      subject: 's',
      client_id: 'c',
      scope: '',
      amr: '',
      claims: '{}',
      auth_time: 1,
      created_at: 1,
      renewed_at: 1,
      ended_at: endedAt,
      end_reason: endedAt === null ? null : 'logout',
    });
    return id;
  }

  it('knows at its start what ended while its tokens can still live, and nothing older', async () => {
    const recent = await session(Date.now() - horizon + 30_000);
    const old = await session(Date.now() - horizon - 30_000);
    const live = await session(null);
    await list.onModuleInit();
    expect([recent, old, live].map((id) => list.has(id))).toEqual([true, false, false]);
  });

  it('an end in this process holds at once', async () => {
    const id = await session(null);
    await list.onModuleInit();
    list.add(id);
    expect(list.has(id)).toBe(true);
  });

  it('an end that another replica wrote is picked up within seconds', async () => {
    const id = await session(null);
    await list.onModuleInit();
    expect(list.has(id)).toBe(false);
    await new SessionRepository(database.connect(), new Clock()).end(id, 'logout');
    await waitUntil(() => list.has(id), 'the end to be picked up', 10_000);
    expect(list.has(id)).toBe(true);
  });

  it('also one whose clock is 50 seconds behind', async () => {
    const id = await session(null);
    await list.onModuleInit();
    const slow = new Clock();
    slow.now = () => Date.now() - 50_000;
    await new SessionRepository(connection, slow).end(id, 'logout');
    await waitUntil(() => list.has(id), 'the end to be picked up', 10_000);
    expect(list.has(id)).toBe(true);
  });

  it('forgets an end once no token of the session can be live', async () => {
    const id = await session(null);
    await list.onModuleInit();
    list.add(id);
    clock.now = () => Date.now() + horizon - 1000;
    await list.refresh(clock.now());
    expect(list.has(id)).toBe(true);
    clock.now = () => Date.now() + horizon + 1000;
    await list.refresh(clock.now());
    expect(list.has(id)).toBe(false);
  });

  it('what is known holds while SQL cannot be read', async () => {
    const id = await session(Date.now());
    await list.onModuleInit();
    await connection.query.schema.dropTable('sessions').execute();
    await expect(list.refresh(0)).rejects.toThrow();
    expect(list.has(id)).toBe(true);
  });
});
