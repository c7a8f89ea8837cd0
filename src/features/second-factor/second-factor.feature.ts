import { defineFeature } from '../../platform/features/feature.js';
import { secondFactorTexts } from './second-factor-texts.js';
import { secondFactorSettings } from './second-factor.settings.js';

/** A second factor by policy: of administrators, of everyone, or of an organisation's members (docs/adr/0037). */
export const secondFactor = defineFeature({
  name: 'second-factor',
  prefixes: ['require_second_factor', 'second_factor'],
  settings: secondFactorSettings,
  texts: secondFactorTexts,
  module: async () => (await import('./second-factor.module.js')).SecondFactorModule,
});
