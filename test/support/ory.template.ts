import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { exportJWK } from 'jose';
import { inject } from 'vitest';
import { waitForLock } from '../../scripts/lock.mjs';
import { findBinaries } from '../../src/launcher/binary.store.js';
import { migrate } from '../../src/launcher/ory.migrations.js';
import { migrations } from '../../src/launcher/ory.programs.js';
import { makeSecrets } from '../../src/launcher/secret.store.js';
import { sqliteDsn } from '../../src/launcher/sqlite.dsn.js';
import { takeRsaKeys } from './rsa.keys.js';

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

async function makeTemplate(folder: string): Promise<void> {
  await mkdir(folder);
  const files = { kratos: join(folder, 'kratos.sqlite'), hydra: join(folder, 'hydra.sqlite') };
  const commands = await migrations({
    publicUrl: 'http://localhost:3000',
    brandName: undefined,
    passwordMinLength: undefined,
    registers: true,
    binaries: await findBinaries(['kratos', 'hydra'], process.env, silentProgress),
    secrets: makeSecrets(),
    dsn: { kratos: sqliteDsn(files.kratos), hydra: sqliteDsn(files.hydra) },
    folder,
    smtpUrl: 'smtp://127.0.0.1:25',
    socialProviders: [],
    logLevel: 'info',
    environment: process.env,
  });
  await Promise.all([
    migrate('Kratos', commands.kratos, files.kratos),
    migrate('Hydra', commands.hydra, files.hydra),
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
