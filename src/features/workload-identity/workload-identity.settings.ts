import { z } from 'zod';
import { defineSettings } from '../../platform/features/feature.js';
import { variableDocs } from '../../platform/config/variable.js';

/** Settings of workload identity. */
export const workloadSettings = defineSettings('workloadSettings', {
  WORKLOAD_KEYS_FILE: z.string().min(1).optional().register(variableDocs, {
    description:
      'Path of a JSON file with the keys of issuers of workloads that the gateway can’t reach: an object with a JWK Set (RFC 7517) for each issuer, read at each exchange (docs/workload-identity.md).',
    derivedDefault: 'none: all keys are fetched',
    recommendation: 'Anyone who can write the file can be any workload of its issuers.',
    example: '/etc/vestibule/workload-keys.json',
  }),
});
