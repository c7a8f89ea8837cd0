import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, freshDatabase } from '../../../test/support/fresh.database.js';
import { newId } from '../../platform/core/identifier.js';
import type { Database } from '../../platform/database/database.schema.js';
import { Clock } from '../../platform/time/clock.service.js';
import type { HostDatabase, HostTables } from './host.schema.js';
import { type HostGrant, HostCodeRepository } from './host-code.repository.js';

const withHosts = ({ query }: Database): HostDatabase => ({
  query: query.withTables<Pick<HostTables, keyof HostTables>>(),
});

describe.each(databaseKinds)('HostCodeRepository on %s', (kind) => {
  let database: FreshDatabase;
  let first: HostCodeRepository;
  let second: HostCodeRepository;
  let connection: HostDatabase;
  let now: number;
  const clock = new Clock();
  clock.now = () => now;
  const grant: HostGrant = { session_id: newId(), host: 'app.example.com', challenge: 'c', return_to: '/x' };

  beforeEach(async () => {
    now = Date.now();
    database = await freshDatabase(kind, inject('postgresUrl'));
    connection = withHosts(await database.connectMigrated());
    first = new HostCodeRepository(connection, clock);
    second = new HostCodeRepository(withHosts(database.connect()), clock);
  });

  afterEach(async () => {
    await database?.drop();
  });

  it('gives a code to one of many callers on two replicas', async () => {
    for (let round = 0; round < 10; round += 1) {
      const code = await first.issue(grant);
      const taken = await Promise.all(
        Array.from({ length: 10 }, (_none, index) => (index % 2 === 0 ? first : second).take(code)),
      );
      expect(taken.filter((found) => found !== undefined)).toMatchObject([grant]);
    }
  });

  it.each([
    [29_999, true],
    [30_000, false],
  ])('gives a code after %d ms: %s', async (milliseconds, isGiven) => {
    const code = await first.issue(grant);
    now += milliseconds;
    expect((await first.take(code)) !== undefined).toBe(isGiven);
  });

  it('keeps no expired code once another is issued', async () => {
    await first.issue(grant);
    await first.issue(grant);
    now += 31_000;
    await first.issue(grant);
    expect(await connection.query.selectFrom('host_codes').select('code_hash').execute()).toHaveLength(1);
  });
});
