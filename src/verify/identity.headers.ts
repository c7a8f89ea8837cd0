import type { Claims } from '../session/claims.schema.js';

/** Claims are one object as long as they are remembered. */
const known = new WeakMap<Claims, Readonly<Record<string, string>>>();

/**
 * The headers that tell an upstream who calls. An address that nobody has verified isn't among them: an upstream that knows
 * its users by e-mail would take whoever claims one for its owner.
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
 * Any text as printable ASCII: all else, `%`, and blanks at either end are percent-encoded UTF-8, so that `decodeURIComponent`
 * gives back the text, and most names and addresses look as they are.
 */
export function headerText(text: string): string {
  // Half of a surrogate pair can't be encoded: it becomes U+FFFD.
  const wellFormed = Buffer.from(text, 'utf8').toString('utf8');
  return wellFormed.replaceAll(/[^\x20-\x7e]|%|^ | $/gu, (character) =>
    character === ' ' ? '%20' : encodeURIComponent(character),
  );
}
