import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuditModule } from '../directory/audit/audit.module.js';
import { AuditService } from '../directory/audit/audit.service.js';
import { NoticesModule } from '../directory/notices/notices.module.js';
import { SecurityNotices } from '../directory/notices/security-notices.js';
import { FirstAdministrator } from '../directory/users/first-administrator.js';
import { UserDirectory } from '../directory/users/user-directory.js';
import { UsersModule } from '../directory/users/users.module.js';
import { ConfigModule } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { CoreModule } from '../platform/core/core.module.js';
import { DatabaseModule } from '../platform/database/database.module.js';
import type { DeploymentServices } from '../platform/features/command-line.js';
import { FeaturesModule } from '../platform/features/features.module.js';
import { ApplicationLogins } from '../providers/ory/hydra/application-logins.js';
import { ApplicationUses } from '../providers/ory/hydra/application-uses.js';
import { RevocationService } from '../session/revocation/revocation.service.js';
import { SessionModule } from '../session/session.module.js';
import { ClaimsModule } from '../session/tokens/claims.module.js';
import { SigningKeyRepository } from '../session/tokens/signing-key.repository.js';
import { SigningKeyRotation } from '../session/tokens/signing-key-rotation.js';

/** The deployment's services that commands work with. */
export interface CliServices {
  readonly configuration: Configuration;
  readonly audit: AuditService;
  readonly users: UserDirectory;
  readonly firstAdministrator: FirstAdministrator;
  readonly revocations: RevocationService;
  readonly notices: SecurityNotices;
  readonly uses: ApplicationUses;
  readonly keys: SigningKeyRepository;
  readonly rotation: SigningKeyRotation;
  /** Any others, by their DI tokens. */
  readonly context: DeploymentServices;
}

@Module({
  imports: [CoreModule, DatabaseModule, NoticesModule],
  providers: [ApplicationLogins, ApplicationUses],
})
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
        FeaturesModule.register(configuration),
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
      users: context.get(UserDirectory),
      firstAdministrator: context.get(FirstAdministrator),
      revocations: context.get(RevocationService),
      notices: context.get(SecurityNotices),
      uses: context.get(ApplicationUses),
      keys: context.get(SigningKeyRepository),
      rotation: context.get(SigningKeyRotation),
      context,
    });
  } finally {
    await context.close();
  }
}
