import { defineFeature } from '../../platform/features/feature.js';
import { samlKind } from './saml-kind.js';

/** Connections to companies' SAML 2.0 providers (docs/adr/0038). */
export const connectionsSaml = defineFeature({
  name: 'connections-saml',
  needs: ['connections'],
  providers: ['ory'],
  connectionKind: samlKind,
  module: async () => (await import('./saml.module.js')).SamlModule,
});
