import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, migratedDatabase } from '../../../test/support/fresh.database.js';
import { Clock } from '../../platform/time/clock.service.js';
import { newId } from '../../platform/core/identifier.js';
import { RevocationRepository } from './revocation.repository.js';

describe.each(databaseKinds)('revocations in SQL on %s', (kind) => {
  const later = Date.now() + 600_000;
  let database: FreshDatabase;
  let revocations: RevocationRepository;

  beforeEach(async () => {
    database = await migratedDatabase(kind, inject('postgresUrl'));
    revocations = new RevocationRepository(database.connect(), new Clock());
  });

  afterEach(async () => {
    await database?.drop();
  });

  it.each([
    ['later', 2000, 3000],
    ['earlier', 3000, 2000],
  ])(
    'of two changes of one user the later one counts when the %s one is written last',
    async (_which, first, last) => {
      const id = newId();
      const row = { id, kind: 'user' as const, expires_at: later };
      await revocations.insert({ ...row, before: first, recorded_at: 2000 });
      await revocations.insert({ ...row, before: last, recorded_at: 2500 });
      // Every replica reads it again.
      expect(await revocations.recordedSince(2500)).toEqual([{ ...row, before: 3000, recorded_at: 2500 }]);
    },
  );

  it('an end has no moment, and stays', async () => {
    const row = { id: newId(), kind: 'api_key' as const, before: null, expires_at: later };
    await revocations.insert({ ...row, recorded_at: 2000 });
    await revocations.insert({ ...row, recorded_at: 2500 });
    expect(await revocations.recordedSince(0)).toEqual([{ ...row, recorded_at: 2500 }]);
  });

  it('what has expired is read by nobody', async () => {
    const row = { id: newId(), kind: 'session' as const, before: null };
    await revocations.insert({ ...row, recorded_at: 2000, expires_at: Date.now() });
    expect(await revocations.recordedSince(0)).toEqual([]);
  });
});
