import { rm } from 'node:fs/promises';
import { expect } from 'vitest';
import { type Configuration, loadConfiguration } from '../../src/platform/config/configuration.js';
import {
  type GatewayAnswer,
  type TestGateway,
  type TestGatewayOptions,
  newSecret,
  providerEnv,
  startTestGateway,
} from '../../src/testing.js';
import { noteRequest } from './attack.counter.js';
import { migratedDataDir } from './fresh.database.js';
import { ownFeatures } from '../../src/app/features.js';

export {
  type GatewayAnswer,
  type GatewayRequest,
  type HeldSession,
  type TestGateway as Gateway,
  newIdentity,
  newSecret,
  providerEnv,
} from '../../src/testing.js';

/** A gateway whose requests count as attempts of an attack, where a test is one. */
export async function startGateway(
  env: Readonly<Record<string, string>> = {},
  prepare: NonNullable<TestGatewayOptions['prepare']> = () => undefined,
  options: Pick<TestGatewayOptions, 'features' | 'modules' | 'claimsEnricher'> = {},
): Promise<TestGateway> {
  const isPlaced = env['DATABASE_URL'] !== undefined || env['DATA_DIR'] !== undefined;
  const dataDir = isPlaced ? undefined : await migratedDataDir();
  const place = dataDir === undefined ? {} : { DATA_DIR: dataDir };
  const gateway = await startTestGateway({ ...options, env: { ...place, ...env }, prepare });
  return {
    ...gateway,
    request: async (path, request) => {
      noteRequest();
      return gateway.request(path, request);
    },
    stop: async () => {
      await gateway.stop();
      await (dataDir === undefined ? undefined : rm(dataDir, { recursive: true, force: true }));
    },
  };
}

/** A configuration without a provider behind it. */
export function plainConfiguration(env: Readonly<Record<string, string>> = {}): Configuration {
  return loadConfiguration({ SECRETS: newSecret(), ...providerEnv.ory, ...env }, ownFeatures);
}

/** Expects an answer to be this problem. */
export function expectProblem(answer: GatewayAnswer, status: number, code: string): void {
  expect([answer.status, answer.text]).toEqual([status, expect.stringContaining(`"code":"${code}"`)]);
}
