import type { FeatureCheck, SettingsOf } from '../../platform/features/feature.js';
import { faultOfKeysFile, readKeysFile } from './workload-issuers.js';
import type { workloadSettings } from './workload-identity.settings.js';

/** Checks the file with the keys of issuers. */
export const workloadKeysCheck: FeatureCheck<SettingsOf<typeof workloadSettings>> = {
  name: 'workload keys',
  isCheap: true,
  run: async ({ WORKLOAD_KEYS_FILE: path }) => {
    try {
      await (path === undefined ? undefined : readKeysFile(path));
      return [];
    } catch (error) {
      return [
        {
          code: 'keys_file_unusable',
          severity: 'error',
          title: 'The keys of workloads’ issuers can’t be read: their tokens are refused',
          fix: 'Correct the file that `WORKLOAD_KEYS_FILE` names; docs/workload-identity.md has an example.',
          detail: `${path}: ${faultOfKeysFile(error)}`,
        },
      ];
    }
  },
};
