import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { type FreshDatabase, freshDatabase } from '../../../test/support/fresh.database.js';
import { Clock } from '../../platform/time/clock.service.js';
import { connectionIssuer } from '../../directory/users/connection-identity.js';
import { ConnectionRepository } from './connection.repository.js';

const connectionId = 'staff';

describe.each(databaseKinds)('ConnectionRepository on %s', (kind) => {
  let database: FreshDatabase;
  let connections: ConnectionRepository;

  beforeEach(async () => {
    database = await freshDatabase(kind, inject('postgresUrl'));
    connections = new ConnectionRepository(await database.connectMigrated(), new Clock());
  });

  afterEach(async () => {
    await database?.drop();
  });

  const sessionOf = async (subject: string, providerSid: string | null): Promise<string> => {
    const { id: identityId } = await connections.record({
      connectionId,
      issuer: connectionIssuer(connectionId),
      subject,
      email: null,
      emailVerified: false,
      name: null,
      groups: [],
      state: 'active',
    });
    const evidence = { amr: ['pwd'], acr: 'aal1', authTime: 1, sealed: null } as const;
    const session = { identityId, ...evidence, providerSid, expiresAt: Date.now() + 60_000 };
    return z.string().parse(await connections.begin(session));
  };

  it('what a provider ends by sid and subject are the sessions of that sid, and the user’s that have none', async () => {
    const named = await sessionOf('ada', 'one');
    const unnamed = await sessionOf('ada', null);
    const other = await sessionOf('ada', 'two');
    const bystander = await sessionOf('bob', null);
    const behind = async (sid: string | null, subject: string | null): Promise<string[]> =>
      (await connections.liveBehind({ connectionId, sid, subject })).map(({ id }) => id).sort();
    expect(await behind('one', 'ada')).toEqual([named, unnamed].sort());
    expect(await behind('one', 'bob')).toEqual([bystander]);
    expect(await behind('one', null)).toEqual([named]);
    expect(await behind(null, 'ada')).toEqual([named, unnamed, other].sort());
  });
});
