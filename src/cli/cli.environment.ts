import { existsSync } from 'node:fs';
import { type Environment, ConfigurationError } from '../config/configuration.js';
import { gatewayEnvironment, isEmbedded, planEmbedded } from '../embedded/launch.plan.js';
import { loadSecrets, secretsPath } from '../embedded/secret.store.js';

/** Commands never call Ory: an address where nobody is stands for it. */
const nobody = 'http://127.0.0.1:1';
const oryUrls = {
  KRATOS_PUBLIC_URL: nobody,
  KRATOS_ADMIN_URL: nobody,
  HYDRA_PUBLIC_URL: nobody,
  HYDRA_ADMIN_URL: nobody,
};

/**
 * The environment that the deployment's gateway has: as it is, or, for an embedded run, with the secrets of its data folder.
 * @throws {ConfigurationError} when there is no embedded run in the data folder yet. {LaunchError} when its secrets are broken.
 */
export async function deploymentEnvironment(environment: Environment): Promise<Environment> {
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
    ory: oryUrls,
    admin: { email: plan.adminEmail },
  });
}
