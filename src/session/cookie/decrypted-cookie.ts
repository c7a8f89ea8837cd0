import { claimsForm } from '../tokens/claims.schema.js';

/**
 * An augmented token as session cookies hold it. Its payload is plain JSON: the cipher encodes its whole input in base64url, so a
 * payload that is already in base64url would be a third longer, and would be decoded twice whenever a cookie is opened.
 */
export interface DecryptedCookie {
  /** The form of the claims, by which they were parsed before they were encrypted. */
  readonly form: string;
  /** Protected header, in base64url. */
  readonly header: string;
  /** In base64url. */
  readonly signature: string;
  /** Claims, in JSON. */
  readonly payload: string;
}

/** A newly minted token, in JWS compact (RFC 7515) → the text that a cookie holds. */
export function cookieTextOf(token: string, form = claimsForm): string {
  const [header = '', payload = '', signature = ''] = token.split('.');
  return `${form}.${header}.${signature}.${Buffer.from(payload, 'base64url').toString()}`;
}

/** The text that a cookie holds → its parts. */
export function parseCookieText(text: string): DecryptedCookie {
  const formEnd = text.indexOf('.');
  const headerEnd = text.indexOf('.', formEnd + 1);
  const signatureEnd = text.indexOf('.', headerEnd + 1);
  return {
    form: text.slice(0, formEnd),
    header: text.slice(formEnd + 1, headerEnd),
    signature: text.slice(headerEnd + 1, signatureEnd),
    payload: text.slice(signatureEnd + 1),
  };
}

/** Its parts → the token in JWS compact, as it was minted. */
export function tokenInCookie({ header, payload, signature }: DecryptedCookie): string {
  return `${header}.${Buffer.from(payload).toString('base64url')}.${signature}`;
}
