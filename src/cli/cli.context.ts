import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuditModule } from '../directory/audit/audit.module.js';
import { AuditService } from '../directory/audit/audit.service.js';
import { FirstAdministrator } from '../directory/users/first.administrator.js';
import { IdentityImport } from '../directory/users/identity.import.js';
import { UserDirectory } from '../directory/users/user.directory.js';
import { UsersModule } from '../directory/users/users.module.js';
import { ConfigModule } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { RevocationService } from '../session/revocation/revocation.service.js';
import { SessionModule } from '../session/session.module.js';
import { ClaimsModule } from '../session/tokens/claims.module.js';
import { SigningKeyRepository } from '../session/tokens/signing-key.repository.js';
import { SigningKeyRotation } from '../session/tokens/signing-key.rotation.js';

/** The deployment's services that commands work with. */
export interface CliServices {
  readonly configuration: Configuration;
  readonly audit: AuditService;
  readonly identities: IdentityImport;
  readonly users: UserDirectory;
  readonly firstAdministrator: FirstAdministrator;
  readonly revocations: RevocationService;
  readonly keys: SigningKeyRepository;
  readonly rotation: SigningKeyRotation;
}

@Module({})
class CliModule {}

/**
 * Runs work with the deployment's services, without starting the gateway, and closes everything afterwards.
 * Changes are in SQL before it returns. If Redis is set, they are also published to the replicas.
 */
export async function withServices(
  configuration: Configuration,
  work: (services: CliServices) => Promise<void>,
): Promise<void> {
  const context = await NestFactory.createApplicationContext(
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
    await work({
      configuration,
      audit: context.get(AuditService),
      identities: context.get(IdentityImport),
      users: context.get(UserDirectory),
      firstAdministrator: context.get(FirstAdministrator),
      revocations: context.get(RevocationService),
      keys: context.get(SigningKeyRepository),
      rotation: context.get(SigningKeyRotation),
    });
  } finally {
    await context.close();
  }
}
