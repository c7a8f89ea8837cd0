import { expect, inject, it } from 'vitest';
import { startGateway } from '../../../../../test/support/gateway.js';
import { RowRace } from '../../../../../test/support/row.race.js';
import { TestDatabases } from '../../../../../test/support/test.database.js';
import { SessionHostsRepository } from '../../session-hosts.repository.js';

it('a login on a host isn’t recorded for a session that is deleted with its user meanwhile', async () => {
  const databases = new TestDatabases(inject('postgresUrl'));
  const url = await databases.createMigrated();
  const gateway = await startGateway({ DATABASE_URL: url });
  const other = await RowRace.at(url);
  try {
    const { user, claims } = await gateway.session();
    const hosts = gateway.app.get(SessionHostsRepository, { strict: false });
    await other.during('delete from users where id = $1', [user.id], () =>
      hosts.add(claims.sid, 'app.example.com'),
    );
    expect((await hosts.of([claims.sid])).size).toBe(0);
  } finally {
    await other.stop();
    await gateway.stop();
    await databases.drop();
  }
});
