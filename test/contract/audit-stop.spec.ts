import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Database } from '../../src/platform/database/database.schema.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { databaseKinds } from '../support/database.kinds.js';
import { type Gateway, newSecret, providerEnv, startGateway } from '../support/gateway.js';
import { waitUntil } from '../support/stack.js';
import { TestDatabases } from '../support/test.database.js';

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

describe.each(databaseKinds)('a process that is asked to stop, on %s', (kind) => {
  let gateway: Gateway;
  let databases: TestDatabases;
  let env: Record<string, string>;

  beforeAll(async () => {
    databases = new TestDatabases(inject('postgresUrl'));
    const [port = 0] = await findFreePorts(1);
    env = {
      ...providerEnv.oidc,
      SECRETS: newSecret(),
      PUBLIC_URL: `http://localhost:${port}`,
      ...(kind === 'postgres' ? { DATABASE_URL: await databases.createMigrated() } : {}),
    };
    gateway = await startGateway(env);
    env['DATABASE_URL'] = gateway.configuration.DATABASE_URL;
  });

  afterAll(async () => {
    await gateway?.stop();
    await databases?.drop();
  });

  it('has written every event of the acts that it answered', async () => {
    const [staying] = await Promise.all([
      gateway.session({ subject: 'ada' }),
      gateway.session({ subject: 'ada' }),
      gateway.session({ subject: 'ada' }),
    ]);
    const child = spawn(process.execPath, [program], {
      env: { PATH: process.env['PATH'] ?? '', LOG_LEVEL: 'silent', ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const url = env['PUBLIC_URL'] ?? '';
    await waitUntil(
      async () => (await fetch(`${url}/health/live`).catch(() => undefined))?.status === 200,
      'the process to listen',
    );
    const answer = await fetch(`${url}/auth/sessions`, {
      method: 'DELETE',
      headers: { cookie: staying.cookie },
    });
    child.kill('SIGTERM');
    expect([answer.status, await answer.json()]).toEqual([200, { ended: 2 }]);
    await once(child, 'exit');
    const events = await gateway.app
      .get(Database, { strict: false })
      .query.selectFrom('audit_events')
      .select(['session_id', 'count'])
      .where('type', '=', 'session_ended')
      .execute();
    expect(events).toEqual([{ session_id: null, count: 2 }]);
  });
});
