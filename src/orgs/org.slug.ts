import { z } from 'zod';

const maximumLength = 40;

/** An organisation's name in URLs. */
export const slugSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,38}[a-z0-9]$/, {
    error: 'must have 2 to 40 of a-z, 0-9 and -, with a letter or digit first and last',
  })
  .meta({ example: 'analytical-engines' });

/**
 * A slug from a name. Accents go; a name with letters of another script is given a suffix, so that it never reads like
 * another organisation's name.
 * @param suffix what makes it unique: of a-z and 0-9.
 * @returns the plain slug, when the name says it all, and one with the suffix.
 */
export function slugsOf(
  name: string,
  suffix: string,
): { readonly plain: string | undefined; readonly unique: string } {
  const folded = name.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
  const words = folded.match(/[a-z0-9]+/g) ?? [];
  const text = words.join('-');
  const isWhole = !/[^\p{ASCII}]/u.test(folded.replaceAll(/[^\p{L}\p{N}]/gu, ''));
  const head = cut(text, maximumLength - suffix.length - 1);
  const plain = cut(text, maximumLength);
  return {
    plain: isWhole && plain.length >= 2 ? plain : undefined,
    unique: `${head === '' ? 'org' : head}-${suffix}`,
  };
}

function cut(text: string, length: number): string {
  return text.slice(0, length).replace(/-+$/, '');
}
