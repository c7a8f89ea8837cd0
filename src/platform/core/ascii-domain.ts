import { domainToASCII } from 'node:url';

/** A domain in lower case, with other scripts in their ASCII form (RFC 5890); undefined if the text isn't one. */
export function toAsciiDomain(text: string): string | undefined {
  // `domainToASCII` is the URL parser: it would cut off a path, and decode percent-encoding.
  const domain = /^[^\s/\\?#@:%[\]]+$/.test(text) ? domainToASCII(text.toLowerCase()) : '';
  return domain === '' ? undefined : domain;
}

/** An e-mail address with its domain in that form: one domain has many spellings (UTS 46), and what compares addresses knows one. */
export function withAsciiDomain(address: string): string {
  const at = address.lastIndexOf('@');
  const domain = at < 1 ? undefined : toAsciiDomain(address.slice(at + 1));
  return domain === undefined ? address : address.slice(0, at + 1) + domain;
}
