import { type DynamicModule, Module } from '@nestjs/common';
import { AuditModule } from '../../../directory/audit/audit.module.js';
import { AuditService } from '../../../directory/audit/audit.service.js';
import { LimitsModule } from '../../../directory/rate-limit/limits.module.js';
import { LoginLimits } from '../../../directory/rate-limit/login-limits.js';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { CoreModule } from '../../../platform/core/core.module.js';
import { DatabaseModule } from '../../../platform/database/database.module.js';
import { CookieWriter } from '../../../platform/http/cookie-writer.js';
import { HttpModule } from '../../../platform/http/http.module.js';
import { UpstreamCalls } from '../../../platform/upstream/upstream-calls.js';
import { UpstreamsModule } from '../../../platform/upstream/upstreams.module.js';
import { PurposeCipher } from '../../../platform/crypto/purpose-cipher.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { partOf } from '../../part-factories.js';
import { ProviderEnds } from '../../../session/store/provider-ends.js';
import { UsedTokenRepository } from '../../../session/store/used-token.repository.js';
import { ConnectionCookie } from './connection-cookie.js';
import { ConnectionJanitor } from './connection-janitor.js';
import { ConnectionKinds } from './connection-kinds.js';
import { ConnectionLogins } from './connection-logins.js';
import { ConnectionRepository } from './connection.repository.js';
import { ConnectionSessions } from './connection-sessions.js';
import { ConnectionSource } from './connection-source.js';
import { Connections } from './connections.js';
import { ConnectionTransactions, ProviderLogins } from './provider-logins.js';
import { ProviderRenewals } from './provider-renewals.js';
import { OrgConnectionAdministration } from '../../../accounts/org-connections.port.js';
import { UserDirectory } from '../../../directory/users/user-directory.js';
import { UsersService } from '../../../directory/users/users.service.js';
import { UsersModule } from '../../../directory/users/users.module.js';
import { DatabaseLocks } from '../../../platform/database/database-locks.js';
import { Database } from '../../../platform/database/database.schema.js';
import { ChosenHosts } from '../../../platform/upstream/chosen-hosts.js';
import { OrgConnectionRepository } from './owned/org-connection.repository.js';
import { OwnedConnections } from './owned/org-connection-administration.js';
import { OrgConnections } from './owned/org-connections.js';
import { RequiredLogins } from './owned/required-logins.js';
import { TypedAddress } from './typed-address.js';

/** The module of company directories behind the login, where Ory is the provider. */
@Module({})
export class ConnectionsModule {
  static register(configuration: OryConfiguration): DynamicModule {
    const { PUBLIC_URL, SECRETS, SESSION_UNCONFIRMED_TTL: unconfirmedLife } = configuration;
    const cipher = new PurposeCipher(SECRETS, 'connection-grant');
    const answers = new PurposeCipher(SECRETS, 'connection-answer');
    const orgCipher = new PurposeCipher(SECRETS, 'org-connection');
    return {
      module: ConnectionsModule,
      imports: [
        AuditModule,
        CoreModule,
        DatabaseModule,
        HttpModule,
        LimitsModule,
        UpstreamsModule,
        UsersModule,
      ],
      providers: [
        ConnectionRepository,
        ConnectionJanitor,
        ProviderEnds,
        UsedTokenRepository,
        { provide: ConnectionKinds, useFactory: async () => ConnectionKinds.load(configuration) },
        { provide: ChosenHosts, useFactory: () => new ChosenHosts(configuration) },
        partOf(
          OrgConnectionRepository,
          [Database, Clock],
          (database, clock) => new OrgConnectionRepository(database, clock),
        ),
        partOf(
          OrgConnections,
          [ConnectionKinds, OrgConnectionRepository, ChosenHosts, UpstreamCalls, Clock],
          (kinds, repository, hosts, calls, clock) =>
            new OrgConnections(
              {
                kinds,
                publicUrl: PUBLIC_URL,
                repository,
                hosts,
                calls,
                clock,
                unconfirmedLife,
                cipher: orgCipher,
              },
              configuration,
            ),
        ),
        partOf(
          Connections,
          [ConnectionKinds, OrgConnections, UpstreamCalls, Clock],
          (kinds, orgs, calls, clock) =>
            new Connections(
              configuration,
              { kinds, publicUrl: PUBLIC_URL, calls, clock, unconfirmedLife },
              orgs,
            ),
        ),
        partOf(
          RequiredLogins,
          [Connections, UserDirectory, UsersService],
          (connections, directory, users) => new RequiredLogins(connections, directory, users),
        ),
        partOf(
          OrgConnectionAdministration,
          [
            ConnectionKinds,
            OrgConnectionRepository,
            OrgConnections,
            ConnectionRepository,
            ChosenHosts,
            DatabaseLocks,
            UpstreamCalls,
            Clock,
          ],
          (kinds, repository, orgs, sessions, hosts, locks, calls, clock) =>
            new OwnedConnections(
              {
                kinds,
                publicUrl: PUBLIC_URL,
                repository,
                orgs,
                sessions,
                hosts,
                locks,
                calls,
                clock,
                unconfirmedLife,
                cipher: orgCipher,
              },
              configuration,
            ),
        ),
        partOf(ConnectionCookie, [CookieWriter], (cookies) => new ConnectionCookie(SECRETS, cookies)),
        partOf(TypedAddress, [CookieWriter], (cookies) => new TypedAddress(SECRETS, cookies)),
        partOf(ConnectionTransactions, [CookieWriter, Clock], (cookies, clock) => {
          const kind = { purpose: 'connection-login', cookie: 'vestibule-provider.', provider: '' };
          return new ConnectionTransactions(cookies, clock, SECRETS, kind);
        }),
        partOf(
          ProviderRenewals,
          [ConnectionRepository, Clock],
          (repository, clock) => new ProviderRenewals({ repository, cipher, clock }),
        ),
        partOf(
          ConnectionSource,
          [Connections, ConnectionRepository, ProviderRenewals, ConnectionSessions, ConnectionCookie, Clock],
          (connections, repository, renewals, sessions, cookie, clock) =>
            new ConnectionSource({ connections, repository, renewals, sessions, cookie, clock }),
        ),
        partOf(
          ConnectionSessions,
          [ConnectionRepository, ConnectionCookie, AuditService, ProviderEnds, Clock],
          (repository, cookie, audit, ends, clock) =>
            new ConnectionSessions({ repository, cookie, audit, ends, clock }, configuration),
        ),
        partOf(
          ConnectionLogins,
          [ConnectionSessions, ConnectionRepository, LoginLimits, Clock],
          (sessions, repository, limits, clock) => new ConnectionLogins(sessions, repository, limits, clock),
        ),
        partOf(
          ProviderLogins,
          [ConnectionSessions, ConnectionRepository, ConnectionTransactions, UsedTokenRepository, Clock],
          (sessions, repository, transactions, used, clock) =>
            new ProviderLogins(
              { sessions, repository, transactions, used, cipher, answers, clock },
              PUBLIC_URL,
            ),
        ),
      ],
      exports: [
        ConnectionLogins,
        ConnectionRepository,
        ConnectionSource,
        Connections,
        OrgConnectionAdministration,
        ProviderLogins,
        RequiredLogins,
        TypedAddress,
      ],
    };
  }
}
