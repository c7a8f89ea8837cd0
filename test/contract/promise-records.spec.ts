import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { z } from 'zod';
import { newSecret, providerEnv } from '../../src/testing.js';

const folder = mkdtempSync(join(tmpdir(), 'vestibule-promises-'));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const toldSchema = z.object({ codes: z.array(z.string()), afterwards: z.boolean(), inUse: z.boolean() });

/** A gateway that looks at itself. Promises have ids only in a process in which Node keeps a record of each. */
const program = `
  import 'reflect-metadata';
  import { AsyncLocalStorage, executionAsyncId } from 'node:async_hooks';
  import { createApp } from './dist/app/app-setup.js';
  import { ownFeatures } from './dist/app/features.js';
  import { examine } from './dist/doctor/doctor.service.js';
  import { loadConfiguration } from './dist/platform/config/configuration.js';
  import { createLogger } from './dist/platform/logging/pino-logger.js';

  const isRecorded = async () => (await Promise.resolve().then(() => executionAsyncId())) !== 0;
  const configuration = loadConfiguration(process.env, ownFeatures);
  const app = await createApp(configuration, { logger: createLogger('silent') });
  await app.listen(0, '127.0.0.1');
  const found = await examine(configuration, { isCheap: true, limit: 20_000 });
  const afterwards = await isRecorded();
  const inUse = await new AsyncLocalStorage().run(1, isRecorded);
  await app.close();
  process.stdout.write(JSON.stringify({ codes: found.map(({ code }) => code), afterwards, inUse }));
`;

it('a gateway that has looked at itself keeps no record of each promise', () => {
  const told = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
    env: {
      ...providerEnv.oidc,
      PUBLIC_URL: 'http://localhost:3000',
      DATABASE_URL: `file:${join(folder, 'gateway.db')}`,
      SECRETS: newSecret(),
    },
    encoding: 'utf8',
  });
  const { codes, afterwards, inUse } = toldSchema.parse(JSON.parse(told));
  expect(codes).toContain('provider_unreachable');
  expect(afterwards).toBe(false);
  // On Node 24, nothing has to be recorded for this.
  expect(inUse).toBe(Number(process.versions.node.split('.')[0]) < 24);
});
