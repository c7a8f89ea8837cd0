import { domainToUnicode } from 'node:url';
import { z } from 'zod';
import { Problem } from '../errors/problem.error.js';
import { toAsciiDomain, withAsciiDomain } from './ascii-domain.js';

/**
 * Characters that no identifier has: controls, invisible ones, blanks, lone surrogates and what isn't assigned. Nobody types
 * them, and programs disagree about which of them to ignore. U+2800 is Braille without a dot. U+FFFD stands for bytes that weren't
 * text. The others are capital letters of Unicode 16 and 17, which Node.js folds and Go, with Unicode 15, doesn't.
 */
const refused =
  /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800\uFFFD\u1C89\uA7CB\uA7CC\uA7CE\uA7D2\uA7D4\uA7DA\uA7DC\u{10D50}-\u{10D65}\u{16EA0}-\u{16EB8}]/u;

/**
 * Characters with which a mailbox has many spellings: quotes, comments, display names, groups, domain literals (RFC 5322 section
 * 3.4). Kratos takes them, and mails to what they stand for.
 */
const structural = /["(),:;<>@[\\\]]/;

/** What keyboards add around an identifier. */
const blank = /[ \t]/;

/**
 * The spelling by which identifiers (e-mail addresses and login names) are compared, counted and stored. It is Kratos' own: Go's
 * `strings.ToLower(strings.TrimSpace(…))`. JavaScript's methods trim other characters, and lower some by what is around them.
 */
export function foldIdentifier(text: string): string {
  return Array.from(trimmed(text, /\p{White_Space}/u), (character) =>
    character === '\u0130' ? 'i' : character.toLowerCase(),
  ).join('');
}

/** Whether a text can be an identifier: with an `@`, an address in its one spelling. Blanks and tabs around it are ignored. */
export function isIdentifier(text: string): boolean {
  return !refused.test(trimmed(text, blank)) && isPlain(foldIdentifier(text));
}

/** Whether a folded identifier is no address, or one that every program reads as it is written. */
function isPlain(folded: string): boolean {
  const at = folded.indexOf('@');
  return at === -1 || (!structural.test(folded.replace('@', '')) && isPlainDomain(folded.slice(at + 1)));
}

/** Whether mail servers have no other spelling for a domain, such as ASCII for full-width letters (UTS 46). */
function isPlainDomain(domain: string): boolean {
  return /^[-.\w]*$/.test(domain) || domainToUnicode(toAsciiDomain(domain) ?? '') === domain;
}

/**
 * Whether an address that another provider has verified is the same mailbox in its folded spelling, with its domain in ASCII. Kratos
 * mails to the folded spelling. Others mail to the address as it is, and two letters fold to ASCII ones: `İ` (U+0130) and the Kelvin sign.
 */
export function isSameMailbox(address: string): boolean {
  const stored = withAsciiDomain(address);
  return isIdentifier(stored) && !/[\u0130\u212A]/.test(address);
}

/** The mailbox of a folded address, as mails to it are counted: many servers ignore what follows a plus sign. */
export function mailboxOf(address: string): string {
  return address.replace(/\+[^@]*(?=@)/, '');
}

/** The folded spelling of an identifier that somebody typed. @throws {Problem} `identifier_refused` */
export function requireIdentifier(text: string): string {
  if (!isIdentifier(text)) {
    throw new Problem('identifier_refused', { reason: 'identifier_character' });
  }
  return foldIdentifier(text);
}

/** An e-mail address that a caller gives, in its folded spelling. */
export const addressSchema = z
  .string({ error: 'must be text' })
  .max(254, { error: 'must have at most 254 characters' })
  .refine(isIdentifier, {
    error: 'must be one address, without blanks, quotes, control characters or invisible ones',
    abort: true,
  })
  .overwrite((text) => trimmed(text, blank))
  .pipe(z.email({ error: 'must be an e-mail address' }).overwrite(foldIdentifier));

/** The text without the characters around it that match. */
function trimmed(text: string, outer: RegExp): string {
  const characters = [...text];
  const isInner = (character: string): boolean => !outer.test(character);
  return characters.slice(characters.findIndex(isInner), characters.findLastIndex(isInner) + 1).join('');
}
