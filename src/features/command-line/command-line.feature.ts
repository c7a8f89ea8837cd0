import { defineFeature } from '../../platform/features/feature.js';
import { CommandLineDatabase } from './authorization-code.schema.js';
import { commandLineTexts } from './command-line-texts.js';

/** Logins of command lines: a program on a person's machine gets tokens once they allow it in their browser. */
export const commandLine = defineFeature({
  name: 'command-line',
  needs: ['device-login'],
  prefixes: ['authorization'],
  tables: ['authorization_codes'],
  database: CommandLineDatabase,
  texts: commandLineTexts,
  module: async () => (await import('./command-line.module.js')).CommandLineModule,
});
