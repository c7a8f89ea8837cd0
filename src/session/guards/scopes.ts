import type { coreScopes } from '../../platform/features/scope.catalogue.js';

/** The user's full authority: a session has it, and an API key may be given it. */
export const fullScope = 'api' satisfies keyof typeof coreScopes;

/** Scope of the services that may be told of ended sessions. */
export const revocationsScope = 'revocations:read' satisfies keyof typeof coreScopes;

/** Space-separated scope (RFC 6749 section 3.3) → its tokens. */
export function scopeTokens(scope: string): string[] {
  return scope.split(' ').filter((token) => token !== '');
}

/** Whether a scope covers a required one. */
export function covers(scope: string, required: string): boolean {
  return hasToken(scope, fullScope) || hasToken(scope, required);
}

/** Whether a scope has a token. It makes no list of the tokens: each guarded request needs the answer. */
function hasToken(scope: string, token: string): boolean {
  return token !== '' && !token.includes(' ') && ` ${scope} `.includes(` ${token} `);
}

/** The requested scopes that another scope doesn't cover. */
export function uncovered(scope: string, wanted: readonly string[]): string[] {
  return wanted.filter((token) => !covers(scope, token));
}
