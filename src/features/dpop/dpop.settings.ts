import { z } from 'zod';
import { variableDocs } from '../../platform/config/variable.js';
import { defineSettings } from '../../platform/features/feature.js';

/** The setting that names for whom tokens may be bound to a key. */
export const dpopSettings = defineSettings('dpopSettings', {
  DPOP_AUDIENCES: z
    .string()
    .transform((text) => text.split(/[\s,]+/).filter((audience) => audience !== ''))
    .default([])
    .register(variableDocs, {
      description:
        'Audiences whose services verify DPoP proofs (RFC 9449), separated by commas: `TOKEN_AUDIENCE`, or resources of `PROTECTED_RESOURCES`. Clients that send a proof get tokens for them that are bound to their key (docs/dpop.md).',
      derivedDefault: 'none: no token is bound to a key',
      recommendation: 'Only audiences all of whose services refuse a bound token without a proof.',
      example: 'https://auth.example.org,https://notes.example.org/mcp',
    }),
});
