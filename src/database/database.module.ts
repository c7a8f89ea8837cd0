import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { DatabaseConnection } from './database.connection.js';
import { Database } from './database.schema.js';
import { migrate } from './migration.runner.js';

/** The database, migrated before anything that asks for it is made. */
@Module({
  providers: [
    {
      provide: Database,
      inject: [CONFIGURATION],
      useFactory: async ({ DATABASE_URL }: Configuration) => {
        const connection = new DatabaseConnection(DATABASE_URL);
        await migrate(connection);
        return connection;
      },
    },
  ],
  exports: [Database],
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
