/** Scopes that stand for claims about a user, with the names of those claims. */
export const claimsByScope: ReadonlyMap<string, readonly string[]> = new Map([
  ['profile', ['name', 'picture']],
  ['email', ['email', 'email_verified']],
  ['roles', ['roles']],
  ['orgs', ['orgs']],
  ['groups', ['groups']],
]);

/** Names of all claims about a user. */
export const userClaims: readonly string[] = [...claimsByScope.values()].flat();

/** Names of those that state a user's rights. */
export const rightsClaims: readonly string[] = ['roles', 'orgs', 'groups'];
