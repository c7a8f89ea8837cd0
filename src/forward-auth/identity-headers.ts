import type { Claims } from '../session/tokens/claims.schema.js';

/** Headers by claims. The caches of verified credentials return the same claims object each time. */
const known = new WeakMap<Claims, Readonly<Record<string, string>>>();

/**
 * The headers that identify the caller to an upstream. An unverified address isn't among them: an upstream that identifies its
 * users by e-mail would take anyone who claims an address for its owner.
 */
export function identityHeaders(claims: Claims): Readonly<Record<string, string>> {
  const found = known.get(claims);
  if (found !== undefined) {
    return found;
  }
  const headers = headersOf(claims);
  known.set(claims, headers);
  return headers;
}

function headersOf(claims: Claims): Readonly<Record<string, string>> {
  const { sub, email, email_verified: isVerified, name, org, roles = [], scope } = claims;
  return {
    'x-auth-user': sub,
    ...(email === undefined || !isVerified ? {} : { 'x-auth-email': headerText(email) }),
    ...(name === undefined || name === '' ? {} : { 'x-auth-name': headerText(name) }),
    ...(org === undefined
      ? {}
      : { 'x-auth-org': org.slug, 'x-auth-org-id': org.id, 'x-auth-org-role': org.role }),
    ...(roles.length === 0 ? {} : { 'x-auth-roles': roles.map((role) => headerText(role)).join(',') }),
    'x-auth-scope': headerText(scope),
  };
}

/**
 * Encodes any text as printable ASCII. Other characters, `%`, and blanks at either end become percent-encoded UTF-8. Most names
 * and addresses stay readable, and `decodeURIComponent` returns the original text.
 */
export function headerText(text: string): string {
  // A lone surrogate can't be encoded, so it becomes U+FFFD.
  const wellFormed = Buffer.from(text, 'utf8').toString('utf8');
  return wellFormed.replaceAll(/[^\x20-\x7e]|%|^ | $/gu, (character) =>
    character === ' ' ? '%20' : encodeURIComponent(character),
  );
}
