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
import { Clock } from '../../../platform/time/clock.service.js';
import { partOf } from '../../part.factories.js';
import { ConnectionCookie } from './connection.cookie.js';
import { ConnectionLogins } from './connection.logins.js';
import { ConnectionRepository } from './connection.repository.js';
import { ConnectionSource } from './connection.source.js';
import { Connections } from './connections.js';
import { TypedAddress } from './typed.address.js';

/** The module of company directories behind the login, where Ory is the provider. */
@Module({})
export class ConnectionsModule {
  static register(configuration: OryConfiguration): DynamicModule {
    const { SECRETS } = configuration;
    return {
      module: ConnectionsModule,
      imports: [AuditModule, CoreModule, DatabaseModule, HttpModule, LimitsModule],
      providers: [
        ConnectionRepository,
        partOf(Connections, [Clock], (clock) => new Connections(configuration, clock)),
        partOf(ConnectionCookie, [CookieWriter], (cookies) => new ConnectionCookie(SECRETS, cookies)),
        partOf(TypedAddress, [CookieWriter], (cookies) => new TypedAddress(SECRETS, cookies)),
        partOf(
          ConnectionSource,
          [Connections, ConnectionRepository, ConnectionCookie, Clock],
          (connections, repository, cookie, clock) =>
            new ConnectionSource({ connections, repository, cookie, clock }),
        ),
        partOf(
          ConnectionLogins,
          [ConnectionRepository, ConnectionCookie, RateLimits, AuditService, Clock],
          (repository, cookie, limits, audit, clock) =>
            new ConnectionLogins({ repository, cookie, limits, audit, clock }, configuration),
        ),
      ],
      exports: [ConnectionLogins, ConnectionSource, Connections, TypedAddress],
    };
  }
}
