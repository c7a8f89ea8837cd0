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

/** A name that a login provider gives, in that form; null if nothing is left of it that can be seen. */
export function displayNameOf(name: string | null): string | null {
  if (name === null || name === '') {
    return name;
  }
  const shown = displayNameForm.test(name)
    ? name
    : name.replaceAll(turning, '').replaceAll(breaking, ' ').trim();
  return isVisible(shown) ? shown : null;
}
