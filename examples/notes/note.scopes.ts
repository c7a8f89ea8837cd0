import { defineScopes } from '@vestibule-auth/vestibule';

/** The scopes of the routes for notes. */
export const noteScopes = defineScopes({
  'notes:read': 'Read notes.',
  'notes:write': 'Write and remove notes.',
});
