/** The user's full authority: a session has it, and an API key may be given it. */
export const fullScope = 'api';

/** The scopes that can narrow an API key or an exchanged token, with what each opens. */
export const scopeCatalogue = {
  [fullScope]: 'Everything that the user may do.',
  'profile:read': 'Read the user’s own account and export its data.',
  'profile:write': 'Change the user’s own account.',
  'users:read': 'List and read users (administrators).',
  'users:write': 'Change, disable and delete users (administrators).',
  'orgs:read': 'Read the user’s organisations, their members and invites.',
  'orgs:write': 'Change organisations, members and invites.',
  'keys:read': 'List API keys.',
  'keys:write': 'Create and revoke API keys.',
  'applications:read': 'List the applications that log users in here.',
  'applications:write': 'Register, change and remove applications.',
  'connections:read': 'List the company logins of organisations.',
  'connections:write': 'Connect, change, test and remove company logins of organisations.',
  'audit:read': 'Read audit events (administrators).',
  'revocations:read':
    'Be told of ended sessions, changed users and revoked keys (administrators, and services by a stream of events).',
  'signing-keys:read': 'List the keys that sign tokens (administrators).',
  'signing-keys:write': 'Rotate the keys that sign tokens (administrators).',
} as const;

/** Scope of the services that may be told of ended sessions. */
export const revocationsScope = 'revocations:read';

/** The scopes of which every route requires the role `admin`: they open nothing to a service account, which can't have it. */
export const administratorScopes: readonly string[] = [
  'users:read',
  'users:write',
  'audit:read',
  'signing-keys:read',
  'signing-keys:write',
];

/** Space-separated scope (RFC 6749 section 3.3) → its tokens. */
export function scopeTokens(scope: string): string[] {
  return scope.split(' ').filter((token) => token !== '');
}

/** Whether a scope covers a required one. */
export function covers(scope: string, required: string): boolean {
  const tokens = scopeTokens(scope);
  return tokens.includes(required) || tokens.includes(fullScope);
}

const families = new Set(Object.keys(scopeCatalogue).map((scope) => scope.split(':')[0]));

/** Whether a scope is one of this API's, or certainly foreign: `orgs:raed` is a typo and not an application's own scope. */
export function isKnownOrForeign(scope: string): boolean {
  return Object.hasOwn(scopeCatalogue, scope) || !families.has(scope.split(':')[0]);
}

/** The requested scopes that another scope doesn't cover. */
export function uncovered(scope: string, wanted: readonly string[]): string[] {
  return wanted.filter((token) => !covers(scope, token));
}
