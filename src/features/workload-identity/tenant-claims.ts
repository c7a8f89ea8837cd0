import { z } from 'zod';

const claimsSchema = z.record(z.string(), z.string());

/** Claims of one tenant, by name: each must have exactly this value. */
export type TenantClaims = Readonly<Record<string, string>>;

/** Where Kubernetes states what a service account is; the name of a claim below it has a `/`. */
const kubernetes = 'kubernetes.io';

/** Combinations of claims that only one tenant of an issuer has: one of each list. */
const combinations: readonly (readonly (readonly string[])[])[] = [
  [['sub']],
  // GitHub: ids stay with their owner, names can be registered by others. `ref` says whether it is a branch.
  [
    ['repository_id', 'repository_owner_id'],
    ['ref', 'environment'],
  ],
  // GitLab: a tag can have the name of a protected branch.
  [['project_id', 'namespace_id'], ['environment']],
  [['project_id', 'namespace_id'], ['ref'], ['ref_type']],
  [[`${kubernetes}/namespace`], [`${kubernetes}/serviceaccount/name`]],
];

/** The claims that a stored rule names. */
export function claimsOf({ claims }: { readonly claims: string }): TenantClaims {
  return claimsSchema.parse(JSON.parse(claims));
}

/** Whether claims single out a tenant: an issuer such as GitHub signs tokens for the whole world. */
export function nameTenant(claims: TenantClaims): boolean {
  return combinations.some((lists) =>
    lists.every((names) => names.some((name) => Object.hasOwn(claims, name))),
  );
}

/** Whether a token has all these claims. @param payload of the verified token. */
export function hasClaims(payload: object, claims: TenantClaims): boolean {
  return Object.entries(claims).every(([name, value]) => claimIn(payload, name) === value);
}

/** A claim's value as text; undefined for one that is missing, or neither a text nor a whole number. */
function claimIn(payload: object, name: string): string | undefined {
  const path = !Object.hasOwn(payload, name) && name.startsWith(`${kubernetes}/`) ? name.split('/') : [name];
  let value: unknown = payload;
  for (const member of path) {
    value =
      typeof value === 'object' && value !== null && Object.hasOwn(value, member)
        ? Reflect.get(value, member)
        : undefined;
  }
  return Number.isSafeInteger(value) ? String(value) : typeof value === 'string' ? value : undefined;
}
