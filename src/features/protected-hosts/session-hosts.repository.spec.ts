import { expect, inject, it } from 'vitest';
import { databaseKinds } from '../../../test/support/database.kinds.js';
import { freshDatabase } from '../../../test/support/fresh.database.js';
import { startGateway } from '../../../test/support/gateway.js';
import { newId } from '../../platform/core/identifier.js';
import { Clock } from '../../platform/time/clock.service.js';
import { HostDatabase } from './host.schema.js';
import { SessionHostsRepository } from './session-hosts.repository.js';

it.each(databaseKinds)(
  'the hosts of a session are listed in order, once each, the last 50 of them, and go with its row: on %s',
  async (kind) => {
    const database = await freshDatabase(kind, inject('postgresUrl'));
    const gateway = await startGateway({ DATABASE_URL: database.url });
    try {
      const connection = gateway.app.get(HostDatabase, { strict: false });
      let now = Date.now();
      const clock = new Clock();
      clock.now = () => (now += 1);
      const hosts = new SessionHostsRepository(connection, clock);
      const newSession = async (): Promise<string> => (await gateway.session()).claims.sid;
      const [one, other] = [await newSession(), await newSession()];
      for (const host of ['wiki.example.net', 'app.example.com', 'wiki.example.net']) {
        await hosts.add(one, host);
      }
      for (let index = 0; index < 53; index += 1) {
        await hosts.add(other, `h${String(index).padStart(2, '0')}.example.com`);
      }
      const found = await hosts.of([one, other, newId()]);
      expect(found.get(one)).toEqual(['app.example.com', 'wiki.example.net']);
      expect(found.get(other)).toHaveLength(50);
      expect(found.get(other)?.[0]).toBe('h03.example.com');
      expect(await hosts.of([])).toEqual(new Map());
      await connection.query.deleteFrom('sessions').where('id', '=', one).execute();
      expect((await hosts.of([one])).size).toBe(0);
    } finally {
      await gateway.stop();
      await database.drop();
    }
  },
);
