import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, migratedDatabase } from '../../../test/support/fresh.database.js';
import { plainConfiguration } from '../../../test/support/gateway.js';
import { startPostgres } from '../../../test/support/postgres.server.js';
import { waitUntil } from '../../../test/support/stack.js';
import { Clock } from '../../platform/time/clock.service.js';
import { newId } from '../../platform/core/identifier.js';
import { DatabaseConnection } from '../../platform/database/database-connection.js';
import { migrate } from '../../platform/database/migration-runner.js';
import { AuditRepository, type AuditEventRow } from './audit.repository.js';
import { AuditRetention } from './audit-retention.js';
import { AuditService } from './audit.service.js';

Logger.overrideLogger(false);

const day = 86_400_000;

describe.each(databaseKinds)('AuditService on %s', (kind) => {
  let database: FreshDatabase;
  let connection: DatabaseConnection;
  let statements: string[];
  let audit: AuditService;

  const rows = async (): Promise<AuditEventRow[]> =>
    connection.query.selectFrom('audit_events').selectAll().orderBy('id').execute();

  beforeEach(async () => {
    database = await migratedDatabase(kind, inject('postgresUrl'));
    statements = [];
    connection = database.connect(({ query }) => statements.push(query.sql));
    audit = new AuditService(new AuditRepository(connection), new Clock());
  });

  afterEach(async () => {
    await database?.drop();
  });

  it('keeps who, what, when, where from and why', async () => {
    const event = {
      type: 'login_failed',
      userId: newId(),
      sessionId: newId(),
      requestId: newId(),
      remoteAddress: '2001:db8::1',
      reason: 'access_token_inactive',
    } as const;
    const before = Date.now();
    await audit.record(event);
    await audit.flush();
    const [row] = await rows();
    expect(row).toMatchObject({
      type: event.type,
      user_id: event.userId,
      session_id: event.sessionId,
      request_id: event.requestId,
      remote_address: event.remoteAddress,
      reason: event.reason,
    });
    expect(row?.at).toBeGreaterThanOrEqual(before);
  });

  it('what is not known is null, and 250 events at once are 250 rows in their order, in three statements', async () => {
    const ids = Array.from({ length: 250 }, () => newId());
    await Promise.all(ids.map((requestId) => audit.record({ type: 'logout', requestId })));
    await audit.flush();
    const stored = await rows();
    expect(stored.map(({ request_id }) => request_id)).toEqual(ids);
    expect(stored[0]).toMatchObject({ user_id: null, session_id: null, remote_address: null, reason: null });
    expect(statements.filter((text) => text.startsWith('insert into "audit_events"'))).toHaveLength(3);
  });

  it('an event that is alone is written by itself, a moment later', async () => {
    await audit.record({ type: 'logout' });
    expect(statements).toEqual([]);
    await waitUntil(async () => (await rows()).length === 1, 'the event to be written', 2000);
    expect(await rows()).toHaveLength(1);
  });

  it('after a write that took longer than others wait, the next event is written by itself too', async () => {
    const repository = new AuditRepository(connection);
    const append = repository.append.bind(repository);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    repository.append = async (some) => {
      await held;
      await append(some);
    };
    audit = new AuditService(repository, new Clock());
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      await audit.record({ type: 'logout', reason: 'first' });
      vi.advanceTimersByTime(100);
      await audit.record({ type: 'logout', reason: 'meanwhile' });
      vi.advanceTimersByTime(100);
    } finally {
      vi.useRealTimers();
    }
    release();
    await waitUntil(async () => (await rows()).length === 2, 'the slow writes');
    await audit.record({ type: 'logout', reason: 'after' });
    await waitUntil(async () => (await rows()).length === 3, 'the event after them', 2000);
    expect((await rows()).map(({ reason }) => reason)).toEqual(['first', 'meanwhile', 'after']);
  });

  it('a trail that cannot be written never fails what is recorded, and is given up', async () => {
    await connection.query.schema.dropTable('audit_events').execute();
    await expect(audit.record({ type: 'logout' })).resolves.toBeUndefined();
    await expect(audit.flush()).resolves.toBeUndefined();
    statements = [];
    await audit.flush();
    expect(statements).toEqual([]);
  });

  it('one row that the database refuses takes no other with it', async () => {
    await connection.query.schema.dropTable('audit_events').execute();
    await connection.query.schema
      .createTable('audit_events')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('at', 'bigint')
      .addColumn('type', 'text')
      .addColumn('user_id', 'text')
      .addColumn('session_id', 'text')
      .addColumn('request_id', 'text')
      .addColumn('remote_address', 'text')
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('actor_id', 'text')
      .addColumn('actor_credential', 'text')
      .addColumn('target_kind', 'text')
      .addColumn('target_id', 'text')
      .addColumn('org_id', 'text')
      .addColumn('outcome', 'text')
      .addColumn('count', 'bigint')
      .execute();
    await audit.record({ type: 'logout', reason: 'first' });
    await audit.record({ type: 'logout' });
    await audit.record({ type: 'logout', reason: 'third' });
    await audit.flush();
    expect((await rows()).map(({ reason }) => reason)).toEqual(['first', 'third']);
  });

  it('what is older than AUDIT_RETENTION goes, in slices, and nothing else', async () => {
    const now = Date.now();
    const repository = new AuditRepository(connection);
    const row = (age: number): AuditEventRow => ({
      id: newId(),
      at: now - age,
      type: 'logout',
      user_id: null,
      session_id: null,
      request_id: null,
      remote_address: null,
      reason: null,
      actor_id: null,
      actor_credential: null,
      target_kind: null,
      target_id: null,
      org_id: null,
      outcome: 'success',
      count: null,
    });
    for (let count = 0; count < 25; count += 1) {
      await repository.append(Array.from({ length: 100 }, () => row(8 * day)));
    }
    await repository.append([row(6 * day), row(0)]);
    const retention = new AuditRetention(
      repository,
      new Clock(),
      plainConfiguration({ AUDIT_RETENTION: '7d' }),
    );
    expect(await retention.purge()).toBe(2500);
    expect((await rows()).map(({ at }) => now - at).toSorted((one, other) => one - other)).toEqual([
      0,
      6 * day,
    ]);
    expect(statements.filter((text) => text.startsWith('delete from "audit_events"'))).toHaveLength(3);
    expect(await retention.purge()).toBe(0);
  });
});

describe('AuditService while the database is away', () => {
  it('keeps what is recorded, up to 10,000 events, and writes it when the database is back', async () => {
    const server = await startPostgres();
    const connection = new DatabaseConnection(server.url);
    try {
      await migrate(connection);
      const audit = new AuditService(new AuditRepository(connection), new Clock());
      await audit.record({ type: 'logout', reason: 'before' });
      await audit.flush();
      await server.halt();
      for (let count = 0; count < 10_050; count += 1) {
        await audit.record({ type: 'logout', reason: 'meanwhile' });
      }
      await audit.flush();
      await server.start();
      const count = async (): Promise<number> => {
        const row = await connection.query
          .selectFrom('audit_events')
          .select(({ fn }) => fn.countAll<number>().as('count'))
          .executeTakeFirstOrThrow();
        return Number(row.count);
      };
      await waitUntil(async () => (await count()) === 10_001, 'the events to be written');
      await audit.record({ type: 'logout', reason: 'after' });
      await audit.flush();
      expect(await count()).toBe(10_002);
    } finally {
      await connection.close();
      await server.remove();
    }
  });
});
