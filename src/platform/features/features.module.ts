import { type DynamicModule, Module } from '@nestjs/common';
import type { Configuration } from '../config/configuration.js';
import { DatabaseModule } from '../database/database.module.js';
import { Database } from '../database/database.schema.js';

/** Provides each feature with its settings and with the database as it may use it, by the tokens of its manifest. */
@Module({})
export class FeaturesModule {
  static register({ features }: Configuration): DynamicModule {
    const settings = features.flatMap(({ settings: read }) =>
      read === undefined ? [] : [{ provide: read.token, useValue: read.values }],
    );
    const databases = features.flatMap(({ feature: { database } }) =>
      database === undefined ? [] : [{ provide: database, useExisting: Database }],
    );
    return {
      module: FeaturesModule,
      global: true,
      imports: [DatabaseModule],
      providers: [...settings, ...databases],
      exports: [...settings, ...databases].map(({ provide }) => provide),
    };
  }
}
