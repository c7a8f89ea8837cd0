import { defineFeature } from '../../platform/features/feature.js';

/** The import of another system's users into Kratos, with their passwords: `vestibule users import`. */
export const userImport = defineFeature({
  name: 'user-import',
  providers: ['ory'],
  commands: async () => (await import('./user-import.program.js')).addUserImportCommand,
});
