import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exportJWK } from 'jose';
import { inject } from 'vitest';
import { z } from 'zod';
import { waitForLock } from '../../scripts/lock.mjs';
import { findBinaries } from '../../src/launcher/binary.store.js';
import { migrate } from '../../src/launcher/ory-migrations.js';
import { migrations } from '../../src/launcher/ory-programs.js';
import { makeSecrets } from '../../src/launcher/secret.store.js';
import { sqliteDsn } from '../../src/launcher/sqlite-dsn.js';
import { takeRsaKeys } from './rsa.keys.js';
import type { TestDatabases } from './test.database.js';

const dsnSchema = z.object({ kratos: z.string(), hydra: z.string() });

/** Where Kratos and Hydra store what they know. */
export type OryDsn = z.output<typeof dsnSchema>;

/** For starts whose progress no test reads. */
export const silentProgress = {
  line: (): undefined => undefined,
  step: () => ({ done: (): undefined => undefined, failed: (): undefined => undefined }),
};

/**
 * Fills a data folder with empty databases of Kratos and Hydra, which need no migration: it would take longer than most tests.
 * They are made once per run of the tests, and hold nothing that was encrypted with a secret.
 */
export async function prepareOryData(dataDir: string): Promise<void> {
  const template = join(inject('runFolder'), 'ory');
  const release = await waitForLock(`${template}.lock`, () => undefined);
  try {
    if (!existsSync(template)) {
      await makeTemplate(`${template}.draft`);
      await rename(`${template}.draft`, template);
    }
  } finally {
    release();
  }
  await cp(template, join(dataDir, 'ory'), { recursive: true });
}

/**
 * Makes databases of Kratos and Hydra in the PostgreSQL server of this run, which need no migration either: copies of two that are
 * made once.
 */
export async function prepareOryDatabases(databases: TestDatabases): Promise<OryDsn> {
  const template = join(inject('runFolder'), 'ory-postgres');
  const release = await waitForLock(`${template}.lock`, () => undefined);
  try {
    if (!existsSync(template)) {
      await mkdir(`${template}.folder`, { recursive: true });
      const made = { kratos: await databases.create(), hydra: await databases.create() };
      databases.keep();
      await migrateBoth(made, `${template}.folder`);
      await writeFile(template, JSON.stringify(made));
    }
    const { kratos, hydra } = dsnSchema.parse(JSON.parse(await readFile(template, 'utf8')));
    return { kratos: await databases.copy(kratos), hydra: await databases.copy(hydra) };
  } finally {
    release();
  }
}

async function makeTemplate(folder: string): Promise<void> {
  await mkdir(folder);
  const files = { kratos: join(folder, 'kratos.sqlite'), hydra: join(folder, 'hydra.sqlite') };
  await migrateBoth({ kratos: sqliteDsn(files.kratos), hydra: sqliteDsn(files.hydra) }, folder, files);
}

async function migrateBoth(dsn: OryDsn, folder: string, files?: OryDsn): Promise<void> {
  const commands = await migrations({
    publicUrl: 'http://localhost:3000',
    brandName: undefined,
    passwordMinLength: undefined,
    binaries: await findBinaries(['kratos', 'hydra'], process.env, silentProgress),
    secrets: makeSecrets(),
    dsn,
    folder,
    smtpUrl: 'smtp://127.0.0.1:25',
    socialProviders: [],
    logLevel: 'info',
    environment: process.env,
  });
  await Promise.all([
    migrate('Kratos', commands.kratos, files?.kratos),
    migrate('Hydra', commands.hydra, files?.hydra),
  ]);
}

/** Gives Hydra keys for its tokens, smaller than those that it would make by itself. */
export async function giveSigningKeys(hydraAdminUrl: string): Promise<void> {
  for (const set of ['hydra.openid.id-token', 'hydra.jwt.access-token']) {
    const { privateKey } = await takeRsaKeys();
    const key = { ...(await exportJWK(privateKey)), kid: randomUUID(), alg: 'RS256', use: 'sig' };
    const answer = await fetch(`${hydraAdminUrl}/admin/keys/${set}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ keys: [key] }),
    });
    if (!answer.ok) {
      throw new Error(`Hydra did not take a signing key: ${answer.status}`);
    }
  }
}
