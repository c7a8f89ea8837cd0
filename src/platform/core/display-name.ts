/** What changes the direction of the text around it: with U+202E before it, `nimda` reads `admin`. */
const turning = /[\u202A-\u202E\u2066-\u2069]/gu;
/** What ends a line, controls a terminal, or can't be stored. */
const breaking = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+/gu;
const visible = /[^\p{Default_Ignorable_Code_Point}\p{Z}\u2800]/u;

/** The form of names that others read: without control characters, lone surrogates, line separators, and what changes directions. */
export const displayNameForm = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]*$/u;

/** Whether a name has a character that can be seen. */
export function isVisible(name: string): boolean {
  return visible.test(name);
}

/** A name that a login provider gives, in that form; null if nothing is left of it. */
export function displayNameOf(name: string | null): string | null {
  if (name === null || displayNameForm.test(name)) {
    return name;
  }
  const shown = name.replaceAll(turning, '').replaceAll(breaking, ' ').trim();
  return shown === '' ? null : shown;
}
