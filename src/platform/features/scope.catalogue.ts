import { mapEntries } from '../core/map-entries.js';
import { isScopeToken } from '../core/scope.form.js';
import type { DeclaredName } from './declared-name.js';

/** The core's scopes that can narrow an API key or an exchanged token, with what each opens. */
export const coreScopes = {
  api: 'Everything that the user may do.',
  'profile:read': 'Read the user’s own account and export its data.',
  'profile:write': 'Change the user’s own account.',
  'users:read': 'List and read users (administrators).',
  'users:write': 'Change, disable and delete users (administrators).',
  'orgs:read': 'Read the user’s organisations, their members and invites.',
  'orgs:write': 'Change organisations, members and invites.',
  'keys:read': 'List API keys.',
  'keys:write': 'Create and revoke API keys.',
  'audit:read': 'Read audit events (administrators).',
  // Two features ask for it, of which neither needs the other.
  'revocations:read':
    'Be told of ended sessions, changed users and revoked keys (administrators, and services by a stream of events).',
  'signing-keys:read': 'List the keys that sign tokens (administrators).',
  'signing-keys:write': 'Rotate the keys that sign tokens (administrators).',
} as const;

/** One of the core's scopes. */
export type CoreScope = keyof typeof coreScopes;

/** A scope that a feature adds, with what it opens. */
export interface FeatureScope {
  readonly name: DeclaredName<'scope'>;
  readonly opens: string;
}

/** A scope that a route can require. */
export type KnownScope = CoreScope | FeatureScope;

/** @returns a scope as keys and tokens have it. */
export const scopeName = (scope: KnownScope): string => (typeof scope === 'string' ? scope : scope.name);

const isFeatureScopeName = (name: string): name is FeatureScope['name'] =>
  isScopeToken(name) && name.includes(':');

/**
 * Declares the scopes of a feature: `const noteScopes = defineScopes({ 'notes:read': 'Read notes.' })`, then
 * `@RequireScope(noteScopes['notes:read'])`. The feature's manifest names them as `scopes`.
 */
export function defineScopes<Name extends string>(
  scopes: Readonly<Record<Name, string>>,
): Readonly<Record<Name, FeatureScope>> {
  return mapEntries<Name, string, FeatureScope>(scopes, (name, opens) => {
    if (!isFeatureScopeName(name)) {
      throw new TypeError(`${name} cannot be a feature's scope: it must be like notes:read`);
    }
    return { name, opens };
  });
}

/** The scopes of which every route requires the role `admin`: they open nothing to a service account, which can't have it. */
export const administratorScopes: readonly string[] = [
  'users:read',
  'users:write',
  'audit:read',
  'signing-keys:read',
  'signing-keys:write',
];

/** With what a scope begins: `orgs` in `orgs:read`. */
export function familyOf(scope: string): string {
  return scope.split(':', 1)[0] ?? scope;
}

/** The scopes of one deployment's API: the core's, and then those of its features. */
export class ScopeCatalogue {
  /** With what each opens. */
  readonly scopes: ReadonlyMap<string, string>;
  readonly #families: ReadonlySet<string>;

  constructor(features: readonly { readonly scopes: Readonly<Record<string, FeatureScope>> }[]) {
    this.scopes = new Map([
      ...Object.entries(coreScopes),
      ...features.flatMap(({ scopes }) =>
        Object.values(scopes).map(({ name, opens }) => [name, opens] as const),
      ),
    ]);
    this.#families = new Set([...this.scopes.keys()].map(familyOf));
  }

  /** Whether a scope is one of this API's, or certainly foreign: `orgs:raed` is a typo and not an application's own scope. */
  readonly isKnownOrForeign = (scope: string): boolean =>
    this.scopes.has(scope) || !this.#families.has(familyOf(scope));
}
