import { inject } from 'vitest';
import type { DatabaseKind } from './test.database.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The databases of the lane that runs (vitest.config.ts). */
    readonly databaseKinds: readonly DatabaseKind[];
  }
}

/** The databases that a spec runs on, where it matters: both in the lane `all`. */
export const databaseKinds: readonly DatabaseKind[] = inject('databaseKinds');
