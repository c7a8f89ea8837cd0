import { defineScopes } from '../../platform/features/scope.catalogue.js';

/** The scopes of the routes for applications. */
export const applicationScopes = defineScopes({
  'applications:read': 'List the applications that log users in here.',
  'applications:write': 'Register, change and remove applications.',
});
