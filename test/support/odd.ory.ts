import { join } from 'node:path';
import { findBinaries } from '../../src/launcher/binary.store.js';
import { definedOnly } from '../../src/launcher/env-template.js';
import { hydraProgram, kratosProgram } from '../../src/launcher/ory-programs.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { sqliteDsn } from '../../src/launcher/sqlite-dsn.js';
import { SupervisedChild } from '../../src/launcher/supervised-child.js';
import type { Stack } from './stack.js';

/** A second Kratos or Hydra on a stack's SQLite databases, with other settings than ours. */
export interface OddOry {
  /** Its addresses, for the gateway's environment. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Starts one. @param settings environment variables of Ory's, over those that we give; undefined removes one. */
export async function startOddOry(
  stack: Stack,
  name: 'kratos' | 'hydra',
  settings: Readonly<Record<string, string | undefined>>,
): Promise<OddOry> {
  const silent = { line: () => undefined, step: () => ({ done: () => undefined, failed: () => undefined }) };
  const folder = join(stack.oryDataDir, 'ory');
  const [publicPort = 0, adminPort = 0] = await findFreePorts(2);
  const setting = {
    publicUrl: stack.env['PUBLIC_URL'] ?? '',
    gatewayUrl: stack.url,
    brandName: undefined,
    passwordMinLength: undefined,
    binaries: await findBinaries(['kratos', 'hydra'], process.env, silent),
    secrets: stack.secrets,
    dsn: { kratos: sqliteDsn(join(folder, 'kratos.sqlite')), hydra: sqliteDsn(join(folder, 'hydra.sqlite')) },
    folder,
    smtpUrl: stack.env['SMTP_URL'] ?? '',
    socialProviders: [],
    logLevel: 'fatal',
    environment: process.env,
  };
  const ports = {
    kratosPublic: publicPort,
    kratosAdmin: adminPort,
    hydraPublic: publicPort,
    hydraAdmin: adminPort,
    smtp: 0,
    mailbox: 0,
  };
  const program = await (name === 'kratos' ? kratosProgram : hydraProgram)(setting, ports);
  const env = definedOnly({ ...program.env, ...settings });
  const child = new SupervisedChild({ ...program, env }, () => undefined);
  await child.start();
  const prefix = name.toUpperCase();
  return {
    env: {
      [`${prefix}_PUBLIC_URL`]: `http://127.0.0.1:${publicPort}`,
      [`${prefix}_ADMIN_URL`]: `http://127.0.0.1:${adminPort}`,
    },
    stop: () => child.stop(),
  };
}
