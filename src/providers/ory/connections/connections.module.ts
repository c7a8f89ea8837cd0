import { type DynamicModule, Module } from '@nestjs/common';
import { AuditModule } from '../../../directory/audit/audit.module.js';
import { AuditService } from '../../../directory/audit/audit.service.js';
import { LimitsModule } from '../../../directory/rate-limit/limits.module.js';
import { RateLimits } from '../../../directory/rate-limit/rate.limits.js';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { CoreModule } from '../../../platform/core/core.module.js';
import { DatabaseModule } from '../../../platform/database/database.module.js';
import { CookieWriter } from '../../../platform/http/cookie.writer.js';
import { HttpModule } from '../../../platform/http/http.module.js';
import { UpstreamCalls } from '../../../platform/upstream/upstream.calls.js';
import { UpstreamsModule } from '../../../platform/upstream/upstreams.module.js';
import { PurposeCipher } from '../../../platform/crypto/purpose.cipher.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { partOf } from '../../part.factories.js';
import { UsedTokenRepository } from '../../../session/store/used-token.repository.js';
import { ConnectionCookie } from './connection.cookie.js';
import { ConnectionLogins } from './connection.logins.js';
import { ConnectionRepository } from './connection.repository.js';
import { ConnectionSessions } from './connection.sessions.js';
import { ConnectionSource } from './connection.source.js';
import { Connections } from './connections.js';
import { ConnectionTransactions, ProviderLogins } from './provider.logins.js';
import { ProviderRenewals } from './provider.renewals.js';
import { TypedAddress } from './typed.address.js';

/** The module of company directories behind the login, where Ory is the provider. */
@Module({})
export class ConnectionsModule {
  static register(configuration: OryConfiguration): DynamicModule {
    const { PUBLIC_URL, SECRETS } = configuration;
    const cipher = new PurposeCipher(SECRETS, 'connection-grant');
    const answers = new PurposeCipher(SECRETS, 'connection-answer');
    return {
      module: ConnectionsModule,
      imports: [AuditModule, CoreModule, DatabaseModule, HttpModule, LimitsModule, UpstreamsModule],
      providers: [
        ConnectionRepository,
        UsedTokenRepository,
        partOf(
          Connections,
          [Clock, UpstreamCalls],
          (clock, calls) => new Connections(configuration, clock, calls),
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
          [Connections, ConnectionRepository, ProviderRenewals, ConnectionCookie, Clock],
          (connections, repository, renewals, cookie, clock) =>
            new ConnectionSource({ connections, repository, renewals, cookie, clock }),
        ),
        partOf(
          ConnectionSessions,
          [ConnectionRepository, ConnectionCookie, AuditService, Clock],
          (repository, cookie, audit, clock) =>
            new ConnectionSessions({ repository, cookie, audit, clock }, configuration),
        ),
        partOf(
          ConnectionLogins,
          [ConnectionSessions, ConnectionRepository, RateLimits, Clock],
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
        ProviderLogins,
        TypedAddress,
      ],
    };
  }
}
