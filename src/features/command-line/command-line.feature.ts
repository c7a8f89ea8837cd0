import { defineFeature } from '../../platform/features/feature.js';
import { CommandLineDatabase } from './authorization-code.schema.js';

/** Logins of command lines: a program on a person's machine gets tokens once they allow it in their browser. */
export const commandLine = defineFeature({
  name: 'command-line',
  prefixes: ['authorization'],
  tables: ['authorization_codes'],
  database: CommandLineDatabase,
  module: async () => (await import('./command-line.module.js')).CommandLineModule,
});
