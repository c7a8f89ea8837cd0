import { existsSync } from 'node:fs';
import { type Environment, ConfigurationError } from '../config/configuration.js';
import { gatewayEnvironment, isEmbedded, planEmbedded } from '../embedded/launch.plan.js';
import { readRunning } from '../embedded/running.copy.js';
import { loadSecrets, secretsPath } from '../embedded/secret.store.js';

/** Commands other than `doctor` never call Ory: an address where nobody is stands for it. */
const nobody = 'http://127.0.0.1:1';
const oryUrls = {
  KRATOS_PUBLIC_URL: nobody,
  KRATOS_ADMIN_URL: nobody,
  HYDRA_PUBLIC_URL: nobody,
  HYDRA_ADMIN_URL: nobody,
};

/**
 * The environment that the deployment's gateway has: as it is, or, for an embedded run, with the secrets of its data folder.
 * @param ory where Kratos and Hydra are, for an embedded run.
 * @throws {ConfigurationError} when there is no embedded run in the data folder yet. {LaunchError} when its secrets are broken.
 */
export async function deploymentEnvironment(
  environment: Environment,
  ory: Readonly<Record<string, string>> = oryUrls,
): Promise<Environment> {
  if (!isEmbedded(environment)) {
    return environment;
  }
  const plan = planEmbedded(environment);
  if (!existsSync(secretsPath(plan.dataDir))) {
    throw new ConfigurationError([
      'DATA_DIR: nothing has been started there yet; run npm start first, or set the variables of your deployment',
    ]);
  }
  const secrets = await loadSecrets(plan.dataDir);
  return gatewayEnvironment(environment, plan, {
    secrets: secrets.gateway,
    ory,
    admin: { email: plan.adminEmail },
  });
}

/**
 * The same with where Kratos, Hydra and mail are now.
 * @returns undefined when it's an embedded run that doesn't run.
 * @throws {ConfigurationError} {LaunchError}
 */
export async function runningEnvironment(environment: Environment): Promise<Environment | undefined> {
  if (!isEmbedded(environment)) {
    return environment;
  }
  const ory = await readRunning(planEmbedded(environment).dataDir);
  return ory === undefined ? undefined : deploymentEnvironment(environment, ory);
}
