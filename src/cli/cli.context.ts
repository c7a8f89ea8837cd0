import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuditModule } from '../directory/audit/audit.module.js';
import { ConfigModule } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { ClaimsModule } from '../session/tokens/claims.module.js';
import { SessionModule } from '../session/session.module.js';
import { UsersModule } from '../directory/users/users.module.js';

@Module({})
class CliModule {}

/**
 * Runs work with the deployment's services, without starting the gateway, and closes everything afterwards.
 * Changes are in SQL before it returns. If Redis is set, they are also published to the replicas.
 */
export async function withServices(
  configuration: Configuration,
  work: (services: INestApplicationContext) => Promise<void>,
): Promise<void> {
  const services = await NestFactory.createApplicationContext(
    {
      module: CliModule,
      imports: [
        ConfigModule.register(configuration),
        ClaimsModule.register(),
        AuditModule,
        SessionModule,
        UsersModule,
      ],
    },
    { logger: false, abortOnError: false },
  );
  try {
    await work(services);
  } finally {
    await services.close();
  }
}
