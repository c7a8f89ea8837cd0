import { z } from 'zod';
import { isId } from '../../platform/core/id.schema.js';

const maximumLength = 40;

/** A slug: an organisation's name in URLs. */
export const slugSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,38}[a-z0-9]$/, {
    error: 'must have 2 to 40 of a-z, 0-9 and -, with a letter or digit first and last',
  })
  .refine((slug) => !isId(slug), { error: 'must not have the form of an id' })
  .meta({ example: 'analytical-engines' });

/**
 * Makes slugs from a name. Accents are removed. A name with letters of another script gets only a slug with the suffix, so that
 * it never reads like another organisation's name.
 * @param suffix makes the slug unique; it consists of a-z and 0-9.
 * @returns the plain slug, if it represents the whole name, and a slug with the suffix.
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
    plain: isWhole && plain.length >= 2 && !isId(plain) ? plain : undefined,
    unique: `${head === '' ? 'org' : head}-${suffix}`,
  };
}

function cut(text: string, length: number): string {
  return text.slice(0, length).replace(/-+$/, '');
}
