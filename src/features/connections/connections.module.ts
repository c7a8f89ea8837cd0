import { Module, type OnModuleInit } from '@nestjs/common';
import { ApiKeysModule } from '../../api-keys/api-keys.module.js';
import { AuditModule } from '../../directory/audit/audit.module.js';
import { LimitsModule } from '../../directory/rate-limit/limits.module.js';
import { UsersModule } from '../../directory/users/users.module.js';
import { LoginModule } from '../../login/login.module.js';
import { OrgAuthorization } from '../../orgs/org-authorization.js';
import { OrgEvents } from '../../orgs/org-events.js';
import { PageFrameModule } from '../../pages/page-frame.module.js';
import { CoreModule } from '../../platform/core/core.module.js';
import { DatabaseModule } from '../../platform/database/database.module.js';
import { HttpModule } from '../../platform/http/http.module.js';
import { ChosenHosts } from '../../platform/upstream/chosen-hosts.js';
import { UpstreamsModule } from '../../platform/upstream/upstreams.module.js';
import { CompanyLogins } from '../../providers/ory/sources/company-logins.js';
import { SessionModule } from '../../session/session.module.js';
import { ProviderEnds } from '../../session/store/provider-ends.js';
import { UsedTokenRepository } from '../../session/store/used-token.repository.js';
import { AssertedUsers } from './asserted-users.js';
import { ConnectionController } from './connection.controller.js';
import { ConnectionCookie } from './connection-cookie.js';
import { ConnectionJanitor } from './connection-janitor.js';
import { ConnectionKinds } from './connection-kinds.js';
import { ConnectionLogins } from './connection-logins.js';
import { ConnectionLogoutController } from './connection-logout.controller.js';
import { ConnectionLogouts } from './connection-logouts.js';
import { ConnectionMaker } from './connection-maker.js';
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
    AssertedUsers,
    ConnectionCookie,
    ConnectionJanitor,
    ConnectionLogins,
    ConnectionLogouts,
    ConnectionMaker,
    ConnectionMembersCount,
    ConnectionRepository,
    ConnectionSessions,
    ConnectionSetting,
    ConnectionSource,
    ConnectionTransactions,
    Connections,
    OrgAuthorization,
    OrgConnectionRepository,
    OrgConnections,
    OrgConnectionsService,
    OrgEvents,
    OwnedConnections,
    ProviderEnds,
    ProviderLogins,
    ProviderRenewals,
    RequiredLogins,
    TypedAddress,
    UsedTokenRepository,
    {
      provide: ConnectionKinds,
      inject: [ConnectionSetting],
      useFactory: async ({ configuration }: ConnectionSetting) => ConnectionKinds.load(configuration),
    },
    {
      provide: ChosenHosts,
      inject: [ConnectionSetting],
      useFactory: ({ configuration }: ConnectionSetting) => new ChosenHosts(configuration),
    },
  ],
  exports: [ConnectionLogouts, Connections, ProviderLogins],
})
export class ConnectionsModule implements OnModuleInit {
  constructor(
    private readonly companies: CompanyLogins,
    private readonly connections: Connections,
    private readonly identities: ConnectionSource,
    private readonly required: RequiredLogins,
    private readonly assertions: AssertedUsers,
    private readonly typed: TypedAddress,
  ) {}

  onModuleInit(): void {
    const { assertions, connections, identities, required, typed } = this;
    this.companies.use({
      identities,
      areAskedFirst: connections.areAskedFirst,
      mayExist: async () => connections.mayExist(),
      find: async (id) => connections.find(id),
      requiredOf: async (identity) => required.of(identity),
      requiredOfAddress: async (email) => required.ofAddress(email),
      asserted: async (assertion, type, audience) => assertions.find(assertion, type, audience),
      typedAddress: (request) => typed.read(request),
    });
  }
}
