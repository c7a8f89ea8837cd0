import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { type Configuration, ConfigurationError, type OryConfiguration } from '../config/configuration.js';
import { PasswordPolicy } from './password.policy.js';

/** The password policy of this deployment. */
export function passwordPolicyOf({
  PASSWORD_MIN_LENGTH,
  BREACHED_PASSWORDS_DIR,
  BRAND_NAME,
  PUBLIC_URL,
}: OryConfiguration): PasswordPolicy {
  return new PasswordPolicy({
    minimumLength: PASSWORD_MIN_LENGTH,
    brand: [BRAND_NAME, new URL(PUBLIC_URL).hostname, 'Vestibule'],
    breachedFolder: BREACHED_PASSWORDS_DIR,
  });
}

/**
 * Checks the settings against the password policy.
 * @throws {ConfigurationError} when the first administrator's password would be refused, or the folder of breached passwords
 *   can't be read.
 */
export async function assertPasswordSettings(configuration: Configuration): Promise<void> {
  if (configuration.AUTH_PROVIDER !== 'ory') {
    return;
  }
  const { ADMIN_EMAIL = '', ADMIN_PASSWORD, BREACHED_PASSWORDS_DIR: folder } = configuration;
  const problems: string[] = [];
  if (folder !== undefined && !(await isReadable(folder))) {
    problems.push('BREACHED_PASSWORDS_DIR: the folder cannot be read');
  } else if (
    ADMIN_PASSWORD !== undefined &&
    (await passwordPolicyOf(configuration).check(ADMIN_PASSWORD, [ADMIN_EMAIL])) !== undefined
  ) {
    problems.push('ADMIN_PASSWORD: is too short, common or easily guessed');
  }
  if (problems.length > 0) {
    throw new ConfigurationError(problems);
  }
}

async function isReadable(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.R_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
