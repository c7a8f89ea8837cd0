import { domainToASCII } from 'node:url';

/** A domain in lower case, with other scripts in their ASCII form (RFC 5890); undefined if the text isn't one. */
export function toAsciiDomain(text: string): string | undefined {
  // `domainToASCII` is the URL parser: it would cut off a path, and decode percent-encoding.
  const domain = /^[^\s/\\?#@:%[\]]+$/.test(text) ? domainToASCII(text.toLowerCase()) : '';
  return domain === '' ? undefined : domain;
}
