import { claimsForm } from './claims.schema.js';

/**
 * An augmented token as session cookies hold it. Its payload is the JSON that it is: the seal encodes all it holds in base64url, and what is in
 * base64url already would be a third longer, and decoded once more whenever a cookie is opened.
 */
export interface OpenedToken {
  /** Form of the claims that they were parsed by before they were sealed. */
  readonly form: string;
  /** Protected header, in base64url. */
  readonly header: string;
  /** In base64url. */
  readonly signature: string;
  /** Claims, in JSON. */
  readonly payload: string;
}

/** A token just minted, in JWS compact (RFC 7515) → the text that a cookie holds. */
export function textOf(token: string, form = claimsForm): string {
  const [header = '', payload = '', signature = ''] = token.split('.');
  return `${form}.${header}.${signature}.${Buffer.from(payload, 'base64url').toString()}`;
}

/** The text that a cookie holds → its parts. */
export function readOpened(text: string): OpenedToken {
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
export function tokenOf({ header, payload, signature }: OpenedToken): string {
  return `${header}.${Buffer.from(payload).toString('base64url')}.${signature}`;
}
