import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuditModule } from '../audit/audit.module.js';
import { ConfigModule } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { ClaimsModule } from '../session/claims.module.js';
import { SessionModule } from '../session/session.module.js';
import { UsersModule } from '../users/users.module.js';

@Module({})
class CliModule {}

/**
 * Runs a piece of work with the deployment's services, without the gateway, and closes everything after it.
 * What it changes is in SQL before it returns, and told to the replicas where Redis carries it.
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
