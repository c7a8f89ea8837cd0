import { defineScopes } from '../../platform/features/scope.catalogue.js';

/** The scopes of the routes for connections of organisations. */
export const connectionScopes = defineScopes({
  'connections:read': 'List the company logins of organisations.',
  'connections:write': 'Connect, change, test and remove company logins of organisations.',
});
