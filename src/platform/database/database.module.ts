import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIGURATION } from '../config/config.module.js';
import { type Configuration, featuresOf } from '../config/configuration.js';
import { CircuitRegistry } from '../upstream/circuit-registry.js';
import { CoreModule } from '../core/core.module.js';
import { UpstreamCalls } from '../upstream/upstream-calls.js';
import { UpstreamsModule } from '../upstream/upstreams.module.js';
import { DatabaseConnection } from './database-connection.js';
import { DatabaseLocks } from './database-locks.js';
import { Database } from './database.schema.js';
import { migrate } from './migration-runner.js';

/** The module of the database, which is migrated before any other provider receives it. */
@Module({
  imports: [CoreModule, UpstreamsModule],
  providers: [
    {
      provide: Database,
      inject: [CONFIGURATION, CircuitRegistry, UpstreamCalls],
      useFactory: async (configuration: Configuration, circuits: CircuitRegistry, calls: UpstreamCalls) => {
        const connection = new DatabaseConnection(
          configuration.DATABASE_URL,
          ({ level, query, queryDurationMillis }) => {
            calls.noteStatement(query.sql, queryDurationMillis, level === 'error');
          },
        );
        if (connection.breaker !== undefined) {
          circuits.add(connection.breaker);
        }
        await migrate(connection, featuresOf(configuration));
        return connection;
      },
    },
    DatabaseLocks,
  ],
  exports: [Database, DatabaseLocks],
})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(private readonly database: Database) {}

  async onApplicationShutdown(): Promise<void> {
    await this.database.query.destroy();
  }
}
