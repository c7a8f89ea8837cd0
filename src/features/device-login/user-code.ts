import { randomInt } from 'node:crypto';

/** Consonants alone, so that no code is a word, and none that is easily taken for another (RFC 8628 section 6.1). */
const letters = 'BCDFGHJKLMNPQRSTVWXZ';
const length = 8;
const form = new RegExp(`^[${letters}]{${length}}$`);

/** A new user code: 8 letters, as {@link readUserCode} has them. */
export function newUserCode(): string {
  return Array.from({ length }, () => letters.charAt(randomInt(letters.length))).join('');
}

/** A user code as it is shown: `WDJB-MJHT`. */
export function shownUserCode(code: string): string {
  return `${code.slice(0, length / 2)}-${code.slice(length / 2)}`;
}

/** The user code that somebody has typed in any case, with or without a dash or blanks; undefined if it is none. */
export function readUserCode(typed: string): string | undefined {
  const code = typed.replaceAll(/[\s\p{Pd}]/gu, '').toUpperCase();
  return form.test(code) ? code : undefined;
}
