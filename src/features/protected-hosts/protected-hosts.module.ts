import { Module, type OnModuleInit } from '@nestjs/common';
import { AuditModule } from '../../directory/audit/audit.module.js';
import { LoginModule } from '../../login/login.module.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { CoreModule } from '../../platform/core/core.module.js';
import type { SettingsOf } from '../../platform/features/feature.js';
import { ApplicationHosts } from '../../platform/http/application-hosts.js';
import { HttpModule } from '../../platform/http/http.module.js';
import { SessionModule } from '../../session/session.module.js';
import { HostAttempts } from './host-attempts.js';
import { HostAuthorizationController } from './host-authorization.controller.js';
import { HostAuthorization } from './host-authorization.js';
import { HostCodeRepository } from './host-code.repository.js';
import { HostSessionController } from './host-session.controller.js';
import { HostSessions } from './host-sessions.js';
import { protectedHostSettings } from './protected-hosts.settings.js';
import { ProtectedHosts } from './protected-hosts.js';
import { SessionHostsRepository } from './session-hosts.repository.js';

/** The only paths that are served on a protected host: its own routes, and a proxy's sub-request about it. */
const onProtectedHosts = /^(?:\/\.vestibule\/|\/auth\/verify(?:\/|$))/;

/** The module of logins on protected hosts. */
@Module({
  imports: [AuditModule, CoreModule, HttpModule, LoginModule, SessionModule],
  controllers: [HostAuthorizationController, HostSessionController],
  providers: [
    HostAttempts,
    HostAuthorization,
    HostCodeRepository,
    HostSessions,
    {
      provide: ProtectedHosts,
      inject: [CONFIGURATION, protectedHostSettings.token],
      useFactory: (
        { PUBLIC_URL }: Configuration,
        { PROTECTED_HOSTS }: SettingsOf<typeof protectedHostSettings>,
      ) => new ProtectedHosts(PUBLIC_URL, PROTECTED_HOSTS),
    },
    SessionHostsRepository,
  ],
})
export class ProtectedHostsModule implements OnModuleInit {
  constructor(
    private readonly all: ApplicationHosts,
    private readonly hosts: ProtectedHosts,
    private readonly sessions: SessionHostsRepository,
  ) {}

  onModuleInit(): void {
    this.all.use({
      find: (name, path) => (onProtectedHosts.test(path) ? this.hosts.find(name) : undefined),
      namesOf: async (sessionIds) => this.sessions.of(sessionIds),
    });
  }
}
