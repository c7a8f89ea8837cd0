import { Module, type OnModuleInit } from '@nestjs/common';
import { ApiKeysModule } from '../../api-keys/api-keys.module.js';
import { AuditModule } from '../../directory/audit/audit.module.js';
import { AuditService } from '../../directory/audit/audit.service.js';
import { LimitsModule } from '../../directory/rate-limit/limits.module.js';
import { LoginLimits } from '../../directory/rate-limit/login-limits.js';
import { UserDirectory } from '../../directory/users/user-directory.js';
import { UsersModule } from '../../directory/users/users.module.js';
import { UsersService } from '../../directory/users/users.service.js';
import { LoginModule } from '../../login/login.module.js';
import { OrgAuthorization } from '../../orgs/org-authorization.js';
import { OrgEvents } from '../../orgs/org-events.js';
import { PageFrameModule } from '../../pages/page-frame.module.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { DatabaseLocks } from '../../platform/database/database-locks.js';
import { DatabaseModule } from '../../platform/database/database.module.js';
import { Database } from '../../platform/database/database.schema.js';
import { CookieWriter } from '../../platform/http/cookie-writer.js';
import { HttpModule } from '../../platform/http/http.module.js';
import { Clock } from '../../platform/time/clock.service.js';
import { ChosenHosts } from '../../platform/upstream/chosen-hosts.js';
import { UpstreamCalls } from '../../platform/upstream/upstream-calls.js';
import { UpstreamsModule } from '../../platform/upstream/upstreams.module.js';
import { CompanyLogins } from '../../providers/ory/sources/company-logins.js';
import { partOf } from '../../providers/part-factories.js';
import { SessionModule } from '../../session/session.module.js';
import { ProviderEnds } from '../../session/store/provider-ends.js';
import { UsedTokenRepository } from '../../session/store/used-token.repository.js';
import { ConnectionController } from './connection.controller.js';
import { ConnectionCookie } from './connection-cookie.js';
import { ConnectionJanitor } from './connection-janitor.js';
import { ConnectionKinds } from './connection-kinds.js';
import { ConnectionLogins } from './connection-logins.js';
import { ConnectionLogoutController } from './connection-logout.controller.js';
import { ConnectionLogouts } from './connection-logouts.js';
import { ConnectionProviderController } from './connection-provider.controller.js';
import { ConnectionRepository } from './connection.repository.js';
import { ConnectionSessions } from './connection-sessions.js';
import { ConnectionSetting } from './connection-setting.js';
import { ConnectionSource } from './connection-source.js';
import { Connections } from './connections.js';
import { ConnectionMembersCount } from './owned/connection-members.js';
import { OwnedConnections } from './owned/org-connection-administration.js';
import { OrgConnectionsPageController } from './owned/org-connection-pages.controller.js';
import { OrgConnectionRepository } from './owned/org-connection.repository.js';
import { OrgConnectionsController } from './owned/org-connections.controller.js';
import { OrgConnectionsService } from './owned/org-connections.service.js';
import { OrgConnections } from './owned/org-connections.js';
import { RequiredLogins } from './owned/required-logins.js';
import { ConnectionTransactions, ProviderLogins } from './provider-logins.js';
import { ProviderRenewals } from './provider-renewals.js';
import { TypedAddress } from './typed-address.js';

/** The module of company logins: those of the deployment, and those that organisations connect, with the pages of their owners. */
@Module({
  imports: [
    ApiKeysModule,
    AuditModule,
    CoreModule,
    DatabaseModule,
    HttpModule,
    LimitsModule,
    LoginModule,
    PageFrameModule,
    SessionModule,
    UpstreamsModule,
    UsersModule,
  ],
  controllers: [
    ConnectionController,
    ConnectionLogoutController,
    ConnectionProviderController,
    OrgConnectionsController,
    OrgConnectionsPageController,
  ],
  providers: [
    ConnectionJanitor,
    ConnectionLogouts,
    ConnectionMembersCount,
    ConnectionRepository,
    ConnectionSetting,
    OrgAuthorization,
    OrgConnectionsService,
    OrgEvents,
    ProviderEnds,
    UsedTokenRepository,
    {
      provide: ConnectionKinds,
      inject: [ConnectionSetting],
      useFactory: async ({ configuration }: ConnectionSetting) => ConnectionKinds.load(configuration),
    },
    partOf(ChosenHosts, [ConnectionSetting], ({ configuration }) => new ChosenHosts(configuration)),
    partOf(
      OrgConnectionRepository,
      [Database, Clock],
      (database, clock) => new OrgConnectionRepository(database, clock),
    ),
    partOf(
      OrgConnections,
      [ConnectionSetting, ConnectionKinds, OrgConnectionRepository, ChosenHosts, UpstreamCalls, Clock],
      (setting, kinds, repository, hosts, calls, clock) =>
        new OrgConnections(
          {
            kinds,
            publicUrl: setting.publicUrl,
            repository,
            hosts,
            calls,
            clock,
            unconfirmedLife: setting.unconfirmedLife,
            cipher: setting.ofOrgs,
          },
          setting.configuration,
        ),
    ),
    partOf(
      Connections,
      [ConnectionSetting, ConnectionKinds, OrgConnections, UpstreamCalls, Clock],
      (setting, kinds, orgs, calls, clock) =>
        new Connections(
          setting.configuration,
          { kinds, publicUrl: setting.publicUrl, calls, clock, unconfirmedLife: setting.unconfirmedLife },
          orgs,
        ),
    ),
    partOf(
      RequiredLogins,
      [Connections, UserDirectory, UsersService],
      (connections, directory, users) => new RequiredLogins(connections, directory, users),
    ),
    partOf(
      OwnedConnections,
      [
        ConnectionSetting,
        ConnectionKinds,
        OrgConnectionRepository,
        OrgConnections,
        ConnectionRepository,
        ChosenHosts,
        DatabaseLocks,
        UpstreamCalls,
        Clock,
      ],
      (setting, kinds, repository, orgs, sessions, hosts, locks, calls, clock) =>
        new OwnedConnections(
          {
            kinds,
            publicUrl: setting.publicUrl,
            repository,
            orgs,
            sessions,
            hosts,
            locks,
            calls,
            clock,
            unconfirmedLife: setting.unconfirmedLife,
            cipher: setting.ofOrgs,
          },
          setting.configuration,
        ),
    ),
    partOf(
      ConnectionCookie,
      [ConnectionSetting, CookieWriter],
      (setting, cookies) => new ConnectionCookie(setting.configuration.SECRETS, cookies),
    ),
    partOf(
      TypedAddress,
      [ConnectionSetting, CookieWriter],
      (setting, cookies) => new TypedAddress(setting.configuration.SECRETS, cookies),
    ),
    partOf(ConnectionTransactions, [ConnectionSetting, CookieWriter, Clock], (setting, cookies, clock) => {
      const kind = { purpose: 'connection-login', cookie: 'vestibule-provider.', provider: '' };
      return new ConnectionTransactions(cookies, clock, setting.configuration.SECRETS, kind);
    }),
    partOf(
      ProviderRenewals,
      [ConnectionSetting, ConnectionRepository, Clock],
      (setting, repository, clock) => new ProviderRenewals({ repository, cipher: setting.ofGrants, clock }),
    ),
    partOf(
      ConnectionSource,
      [Connections, ConnectionRepository, ProviderRenewals, ConnectionSessions, ConnectionCookie, Clock],
      (connections, repository, renewals, sessions, cookie, clock) =>
        new ConnectionSource({ connections, repository, renewals, sessions, cookie, clock }),
    ),
    partOf(
      ConnectionSessions,
      [ConnectionSetting, ConnectionRepository, ConnectionCookie, AuditService, ProviderEnds, Clock],
      (setting, repository, cookie, audit, ends, clock) =>
        new ConnectionSessions({ repository, cookie, audit, ends, clock }, setting.configuration),
    ),
    partOf(
      ConnectionLogins,
      [ConnectionSessions, ConnectionRepository, LoginLimits, Clock],
      (sessions, repository, limits, clock) => new ConnectionLogins(sessions, repository, limits, clock),
    ),
    partOf(
      ProviderLogins,
      [
        ConnectionSetting,
        ConnectionSessions,
        ConnectionRepository,
        ConnectionTransactions,
        UsedTokenRepository,
        Clock,
      ],
      (setting, sessions, repository, transactions, used, clock) =>
        new ProviderLogins(
          {
            sessions,
            repository,
            transactions,
            used,
            cipher: setting.ofGrants,
            answers: setting.ofAnswers,
            clock,
          },
          setting.publicUrl,
        ),
    ),
  ],
  exports: [ConnectionLogouts, Connections, ProviderLogins],
})
export class ConnectionsModule implements OnModuleInit {
  constructor(
    private readonly companies: CompanyLogins,
    private readonly connections: Connections,
    private readonly identities: ConnectionSource,
    private readonly required: RequiredLogins,
    private readonly typed: TypedAddress,
  ) {}

  onModuleInit(): void {
    const { connections, identities, required, typed } = this;
    this.companies.use({
      identities,
      areAskedFirst: connections.areAskedFirst,
      mayExist: async () => connections.mayExist(),
      find: async (id) => connections.find(id),
      requiredOf: async (identity) => required.of(identity),
      requiredOfAddress: async (email) => required.ofAddress(email),
      typedAddress: (request) => typed.read(request),
    });
  }
}
