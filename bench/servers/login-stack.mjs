// The gateway as the image runs it, with Kratos and Hydra behind it, for bench/login-run.mjs.
import { mkdtempSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { startOry } from '../../dist/launcher/ory-stack.js';
import { pinnedBinaries } from '../../dist/launcher/binary-pins.js';
import { freePort, nodeSettings, startChild } from '../child.mjs';
import { ask, openDatabase } from '../database.mjs';
import { inLanes } from '../measure.mjs';
import { emailOf, encodedHash, kratosIdentity, password } from '../own/people.mjs';
import { loginAt } from '../own/password.login.mjs';
import { ready, shipped } from './own.mjs';
import { asInContainers, silent, withPool } from './ory.mjs';

/** People in a call of Kratos' batch import, and calls at a time. 1,000 in a call took up to twice as long. */
const batch = 500;
const importLanes = 2;

export const vestibule = {
  name: 'Vestibule',
  version: () => `Kratos ${pinnedBinaries.kratos.version}, Hydra ${pinnedBinaries.hydra.version}`,
  async open(bench, people) {
    const folder = mkdtempSync(join(bench.folder, 'vestibule-'));
    const databases = {};
    for (const name of ['kratos', 'hydra', 'gateway']) {
      databases[name] = await openDatabase(bench.postgres);
    }
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const startStack = () =>
      startOry({
        dataDir: folder,
        publicUrl: origin,
        environment: asInContainers,
        dsn: { kratos: withPool(databases.kratos.url), hydra: withPool(databases.hydra.url) },
        mail: false,
        log: () => undefined,
        progress: silent,
      });
    const secrets = randomBytes(32).toString('hex');
    const startGateway = async (ory) => {
      const server = await startChild({
        command: bench.node,
        args: [shipped],
        env: {
          ...nodeSettings,
          PUBLIC_URL: origin,
          HOST: '127.0.0.1',
          PORT: String(port),
          SECRETS: secrets,
          DATABASE_URL: databases.gateway.url,
          AUTH_PROVIDER: 'ory',
          // Everybody here has one address.
          RATE_LIMIT: 'false',
          ...ory.env,
        },
        log: join(folder, 'gateway.log'),
        probe: `${origin}/health/live`,
      });
      await ready(origin, { Host: new URL(origin).host });
      return server;
    };
    let running = [];
    const stop = async () => {
      for (const part of running) {
        await part.stop();
      }
      running = [];
    };
    return {
      databases: Object.values(databases),
      /** @returns seconds that it took. */
      async fill() {
        const ory = await startStack();
        running = [ory];
        const began = performance.now();
        let next = 0;
        await inLanes(Math.ceil(people / batch), importLanes, async () => {
          const from = next;
          next += batch;
          await importPeople(ory.env.KRATOS_ADMIN_URL, from, Math.min(next, people));
        });
        const seconds = (performance.now() - began) / 1000;
        // The gateway's first start makes its tables.
        running.unshift(await startGateway(ory));
        await stop();
        return seconds;
      },
      /** @returns the roots of its processes, by part. */
      async start() {
        const ory = await startStack();
        running = [ory];
        const gateway = await startGateway(ory);
        running.unshift(gateway);
        const { kratos, hydra } = ory.children;
        return { gateway: [gateway.pid], Kratos: [kratos.pid], Hydra: [hydra.pid] };
      },
      login: (index) => loginAt({ origin, email: emailOf(index), password }),
      /** How many people have another hash than the one that was put in. */
      async rehashed() {
        const { rows } = await ask(
          databases.kratos.url,
          `select count(*)::int as count from identity_credentials
           where config ->> 'hashed_password' is not null and config ->> 'hashed_password' <> $1`,
          [encodedHash],
        );
        return rows[0].count;
      },
      async close() {
        await stop();
        await Promise.all(Object.values(databases).map((database) => database.drop()));
      },
    };
  },
};

async function importPeople(admin, from, to) {
  const identities = Array.from({ length: to - from }, (_value, index) => ({
    create: kratosIdentity(from + index),
  }));
  const answer = await fetch(`${admin}/admin/identities`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ identities }),
  });
  const text = await answer.text();
  const failed = answer.ok ? JSON.parse(text).identities.find(({ action }) => action !== 'create') : text;
  if (failed !== undefined) {
    throw new Error(`Kratos imports not all: ${answer.status} ${JSON.stringify(failed)}`);
  }
}
