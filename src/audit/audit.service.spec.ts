import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/support/fresh.database.js';
import { Clock } from '../core/clock.service.js';
import { newId } from '../core/identifier.js';
import type { DatabaseConnection } from '../database/database.connection.js';
import { AuditService } from './audit.service.js';

Logger.overrideLogger(false);

describe.each(['sqlite', 'postgres'] as const)('AuditService on %s', (kind) => {
  let database: FreshDatabase;
  let connection: DatabaseConnection;

  beforeEach(async () => {
    database = await freshDatabase(kind, inject('postgresUrl'));
    connection = await database.connectMigrated();
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
    await new AuditService(connection, new Clock()).record(event);
    const [row] = await connection.query.selectFrom('audit_events').selectAll().execute();
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

  it('what is not known is null, and 50 events at once are 50 rows', async () => {
    const audit = new AuditService(connection, new Clock());
    await Promise.all(Array.from({ length: 50 }, () => audit.record({ type: 'logout' })));
    const rows = await connection.query.selectFrom('audit_events').selectAll().execute();
    expect(new Set(rows.map(({ id }) => id)).size).toBe(50);
    expect(rows[0]).toMatchObject({ user_id: null, session_id: null, remote_address: null, reason: null });
  });

  it('a trail that cannot be written never fails what is recorded', async () => {
    await connection.query.schema.dropTable('audit_events').execute();
    const audit = new AuditService(connection, new Clock());
    await expect(audit.record({ type: 'logout' })).resolves.toBeUndefined();
  });
});
