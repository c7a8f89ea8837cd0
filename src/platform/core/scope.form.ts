const form = /^[a-z][a-z\d]*(?:[:._-][a-z\d]+)*$/;
const maximumLength = 64;

/**
 * Whether a text can be one scope of a key or token: `documents:read`. This is a narrow part of what RFC 6749 section 3.3 allows,
 * safe in a header, a log and a form.
 */
export function isScopeToken(text: string): boolean {
  return text.length <= maximumLength && form.test(text);
}
