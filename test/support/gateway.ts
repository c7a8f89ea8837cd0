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
  const gateway = await startTestGateway({ ...options, env, prepare });
  return {
    ...gateway,
    request: async (path, request) => {
      noteRequest();
      return gateway.request(path, request);
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
