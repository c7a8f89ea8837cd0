/** Full authority of the person: what a session has, and what an API key may be given. */
export const fullScope = 'api';

/** Scopes that narrow an API key or an exchanged token, and what they open. */
export const scopeCatalogue = {
  [fullScope]: 'Everything that the person may do.',
  'profile:read': 'Read one’s own account and export its data.',
  'profile:write': 'Change one’s own account.',
  'users:read': 'List and read users (administrators).',
  'users:write': 'Change, disable and delete users (administrators).',
  'orgs:read': 'Read one’s organisations, their members and invites.',
  'orgs:write': 'Change organisations, members and invites.',
  'keys:read': 'List API keys.',
  'keys:write': 'Create and revoke API keys.',
  'audit:read': 'Read audit events (administrators).',
  'signing-keys:read': 'List the keys that sign tokens (administrators).',
  'signing-keys:write': 'Rotate the keys that sign tokens (administrators).',
} as const;

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

/** Whether a scope is one of this API's, or certainly none: `orgs:raed` is a mistake and not an application's own. */
export function isKnownOrForeign(scope: string): boolean {
  return Object.hasOwn(scopeCatalogue, scope) || !families.has(scope.split(':')[0]);
}

/** Which of these scopes another scope doesn't cover. */
export function uncovered(scope: string, wanted: readonly string[]): string[] {
  return wanted.filter((token) => !covers(scope, token));
}
