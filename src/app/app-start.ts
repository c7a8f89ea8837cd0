import 'reflect-metadata';
import { type AppOptions, createApp } from './app-setup.js';
import { ownFeatures } from './features.js';
import { assertInside, assertNoMetadata } from '../platform/air-gap/air-gap.check.js';
import { refuseOutsideConnections } from '../platform/air-gap/air-gap-connections.js';
import { loadConfiguration } from '../platform/config/configuration.js';
import type { Feature } from '../platform/features/feature.js';
import { createLogger } from '../platform/logging/pino-logger.js';
import { assertPasswordSettings } from '../platform/passwords/deployment-passwords.js';
import { explainStartError } from '../platform/errors/start-errors.js';

/** What an application adds to Vestibule: its features and modules, and the class that adds claims to every token. */
export interface ApplicationParts extends Pick<AppOptions, 'modules' | 'claimsEnricher'> {
  readonly features?: readonly Feature[];
}

/**
 * The gateway's program: reads the environment, starts the application and listens. If a setting is wrong, the process ends
 * with one message on standard error instead of a stack trace, and with an exit code of docs/operations.md.
 * @param isDue resolves when it may listen and call the provider; at once by default.
 */
export async function startVestibule(
  parts: ApplicationParts = {},
  isDue: () => Promise<void> = async () => undefined,
): Promise<void> {
  // Only this user can read files that the process creates, even in a folder that others may enter.
  process.umask(0o077);
  try {
    await listen(parts, isDue);
  } catch (error) {
    const { message, code } = explainStartError(error);
    process.stderr.write(`${message}\n`);
    process.exit(code);
  }
}

async function listen(
  { features = [], ...parts }: ApplicationParts,
  isDue: () => Promise<void>,
): Promise<void> {
  const configuration = loadConfiguration(process.env, [...ownFeatures, ...features]);
  if (configuration.AIR_GAPPED) {
    await assertInside(configuration);
    refuseOutsideConnections();
  } else {
    await assertNoMetadata(configuration);
  }
  await assertPasswordSettings(configuration);
  const logger = createLogger(configuration.LOG_LEVEL);
  process.on('unhandledRejection', (error) => logger.error({ err: error }, 'a rejection was not handled'));
  const app = await createApp(configuration, { ...parts, logger, selfCheck: true });
  await isDue();
  await app.listen(configuration.PORT, configuration.HOST);
}
