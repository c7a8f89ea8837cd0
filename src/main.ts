import 'reflect-metadata';
import { createApp } from './app.setup.js';
import { assertInside, assertNoMetadata } from './config/air-gap.check.js';
import { refuseOutsideConnections } from './config/air-gap.connections.js';
import { loadConfiguration } from './config/configuration.js';
import { assertPasswordSettings } from './passwords/deployment.passwords.js';
import { createLogger } from './http/pino.logger.js';
import { explainStartError } from './start.errors.js';

async function main(): Promise<void> {
  const configuration = loadConfiguration(process.env);
  if (configuration.AIR_GAPPED) {
    await assertInside(configuration);
    refuseOutsideConnections();
  } else {
    await assertNoMetadata(configuration);
  }
  await assertPasswordSettings(configuration);
  const logger = createLogger(configuration.LOG_LEVEL);
  process.on('unhandledRejection', (error) => logger.error({ err: error }, 'a rejection was not handled'));
  const app = await createApp(configuration, { logger, selfCheck: true });
  await app.listen(configuration.PORT, configuration.HOST);
}

// Whatever this process makes is its user's alone, also in a folder that others may enter.
process.umask(0o077);
try {
  await main();
} catch (error) {
  const { message, code } = explainStartError(error);
  process.stderr.write(`${message}\n`);
  process.exit(code);
}
