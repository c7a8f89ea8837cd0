import type { Authorization } from './verifier.js';

/** The headers of a request as Node has them. */
export interface IncomingHeaders {
  readonly headers: { readonly authorization?: string | undefined };
  /** Names and values by turns, as they came. */
  readonly rawHeaders: readonly string[];
}

/** The values of `Authorization` of a request in Node, whose `headers` has only the first. */
export function authorizationOf({ headers, rawHeaders }: IncomingHeaders): Authorization {
  const name = 'authorization';
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const each = rawHeaders[index];
    count += each?.length === name.length && each.toLowerCase() === name ? 1 : 0;
  }
  return count > 1
    ? rawHeaders.filter((_value, index) => rawHeaders[index - 1]?.toLowerCase() === name)
    : headers.authorization;
}
