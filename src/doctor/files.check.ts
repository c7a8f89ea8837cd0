import { readFile } from 'node:fs/promises';
import { maximumLogo } from '../platform/config/common.variables.js';
import { LanguageCatalogue } from '../platform/i18n/language.catalogue.js';
import { LocaleFileError } from '../platform/i18n/locale-file.js';
import type { Check, Observation } from './check.port.js';
import { reasonOf } from './http.probe.js';

/** Checks the files that settings name. */
export const filesCheck: Check = {
  name: 'files',
  isCheap: true,
  run: async (configuration) => {
    const found: Observation[] = [];
    try {
      // The constructor reads the files.
      void new LanguageCatalogue(configuration).standard;
    } catch (error) {
      found.push({
        code: 'locales_unusable',
        detail: error instanceof LocaleFileError ? error.message : reasonOf(error),
      });
    }
    if (configuration.BRAND_LOGO !== undefined) {
      try {
        const { length } = await readFile(configuration.BRAND_LOGO);
        if (length > maximumLogo) {
          found.push({ code: 'brand_logo_unusable', detail: `it has ${length} bytes` });
        }
      } catch (error) {
        found.push({ code: 'brand_logo_unusable', detail: reasonOf(error) });
      }
    }
    return found;
  },
};
