import { defineFeature } from '../../platform/features/feature.js';
import { oidcKind } from './oidc-kind.js';

/** Connections to companies' OpenID providers (docs/adr/0036). */
export const connectionsOidc = defineFeature({
  name: 'connections-oidc',
  needs: ['connections'],
  providers: ['ory'],
  connectionKind: oidcKind,
});
