import { type DynamicModule, Module } from '@nestjs/common';
import { type Configuration, featuresOf } from '../config/configuration.js';
import { DatabaseModule } from '../database/database.module.js';
import { Database } from '../database/database.schema.js';
import { ScopeCatalogue } from './scope.catalogue.js';

/**
 * Provides each feature with its settings and with the database as it may use it, by the tokens of its manifest, and everybody with the
 * scopes that there are.
 */
@Module({})
export class FeaturesModule {
  static register(configuration: Configuration): DynamicModule {
    const { features } = configuration;
    const settings = features.flatMap(({ settings: read }) =>
      read === undefined ? [] : [{ provide: read.token, useValue: read.values }],
    );
    const databases = features.flatMap(({ feature: { database } }) =>
      database === undefined ? [] : [{ provide: database, useExisting: Database }],
    );
    const scopes = { provide: ScopeCatalogue, useValue: new ScopeCatalogue(featuresOf(configuration)) };
    const providers = [scopes, ...settings, ...databases];
    return {
      module: FeaturesModule,
      global: true,
      imports: [DatabaseModule],
      providers,
      exports: providers.map(({ provide }) => provide),
    };
  }
}
