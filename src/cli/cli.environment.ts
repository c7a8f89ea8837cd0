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
 * The environment that the deployment's gateway has: that of the copy that runs on the data folder, whatever this shell has
 * set; without a running copy, the shell's with the secrets of the data folder; the shell's alone where Ory runs elsewhere.
 * @throws {ConfigurationError} when there is no embedded run in the data folder yet. {LaunchError} when its secrets are broken.
 */
export async function deploymentEnvironment(environment: Environment): Promise<Environment> {
  const running = await runningEnvironment(environment);
  if (running !== undefined) {
    return running;
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
    ory: oryUrls,
    admin: { email: plan.adminEmail },
  });
}

/**
 * The environment of a deployment that runs, with where Kratos, Hydra and mail are now.
 * @returns undefined when it's an embedded run that doesn't run.
 * @throws {LaunchError} when the shell's settings are not valid.
 */
export async function runningEnvironment(environment: Environment): Promise<Environment | undefined> {
  return isEmbedded(environment) ? readRunning(planEmbedded(environment).dataDir) : environment;
}
