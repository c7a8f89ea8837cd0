import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { CircuitRegistry } from '../upstream/circuit.registry.js';
import { CoreModule } from '../core/core.module.js';
import { UpstreamCalls } from '../upstream/upstream.calls.js';
import { UpstreamsModule } from '../upstream/upstreams.module.js';
import { DatabaseConnection } from './database.connection.js';
import { DatabaseLocks } from './database.locks.js';
import { Database } from './database.schema.js';
import { migrate } from './migration.runner.js';

/** The module of the database, which is migrated before any other provider receives it. */
@Module({
  imports: [CoreModule, UpstreamsModule],
  providers: [
    {
      provide: Database,
      inject: [CONFIGURATION, CircuitRegistry, UpstreamCalls],
      useFactory: async (
        { DATABASE_URL }: Configuration,
        circuits: CircuitRegistry,
        calls: UpstreamCalls,
      ) => {
        const connection = new DatabaseConnection(DATABASE_URL, ({ level, query, queryDurationMillis }) => {
          calls.noteStatement(query.sql, queryDurationMillis, level === 'error');
        });
        if (connection.breaker !== undefined) {
          circuits.add(connection.breaker);
        }
        await migrate(connection);
        return connection;
      },
    },
    DatabaseLocks,
  ],
  exports: [Database, DatabaseLocks],
})
export class DatabaseModule implements OnApplicationShutdown {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#database.query.destroy();
  }
}
