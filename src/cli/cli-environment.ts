import { existsSync } from 'node:fs';
import { type Environment, ConfigurationError } from '../platform/config/configuration.js';
import { gatewayEnvironment, isEmbedded, placeholderUrls, planEmbedded } from '../launcher/launch-plan.js';
import { readRunning } from '../launcher/running-copy.js';
import { loadSecrets, secretsPath } from '../launcher/secret.store.js';

/**
 * The environment of the deployment's gateway:
 * - If Vestibule runs on the data folder, the environment of that run, regardless of this shell's settings.
 * - If it isn't running, this shell's environment with the secrets of the data folder.
 * - If Ory isn't embedded, this shell's environment alone.
 * @throws {ConfigurationError} if nothing has been started in the data folder yet. {LaunchError} if its secrets are broken.
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
    // Only `doctor` calls Ory, and not while it isn't running.
    ory: placeholderUrls,
    admin: { email: plan.adminEmail },
  });
}

/**
 * The environment of a running deployment, with the current addresses of Kratos, Hydra and mail.
 * @returns undefined if Ory is embedded and isn't running.
 * @throws {LaunchError} if the shell's settings are invalid.
 */
export async function runningEnvironment(environment: Environment): Promise<Environment | undefined> {
  return isEmbedded(environment) ? readRunning(planEmbedded(environment).dataDir) : environment;
}
