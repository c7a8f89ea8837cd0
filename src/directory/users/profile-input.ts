import { z } from 'zod';
import { displayNameForm, isVisible } from '../../platform/core/display-name.js';

/** Control characters, and lone surrogates, which no database can store. */
const unprintable = /[\p{Cc}\p{Cs}]/u;
const longestName = 200;
/** Characters of a picture's URL. A longer one stays out of tokens: a cookie has room for 4,096 bytes. */
export const longestPicture = 512;
const longestSearch = 320;
const webUrl = /^https?:\/\/[^\s\p{Cc}\p{Cs}]+$/u;

/** Restricts a text to what can be shown and stored. */
function printable(schema: z.ZodString): z.ZodString {
  return schema.refine((text) => !unprintable.test(text), {
    error: 'must not have control characters',
    abort: true,
  });
}

/** A person's name, as callers give it. */
export const nameSchema = z
  .string()
  .trim()
  .min(1, { abort: true })
  .max(longestName)
  .refine((text) => displayNameForm.test(text), { error: 'must not have control characters', abort: true })
  .refine(isVisible, { error: 'must have a character that can be seen' })
  .meta({ description: 'Display name.', example: 'Ada Lovelace' });

/** A person's picture, as callers give it. */
export const pictureSchema = z
  .string()
  .max(longestPicture)
  .refine((text) => webUrl.test(text) && URL.canParse(text), { error: 'must be an http or https URL' })
  .nullable()
  .meta({ description: 'URL of a picture; null for none.', example: 'https://example.org/ada.png' });

/** The text that users are searched by. */
export const searchSchema = printable(z.string().trim().min(1).max(longestSearch)).meta({
  description:
    'The beginning of an e-mail address or name, ignoring case, or a whole user id. `%`, `_` and `*` are not wildcards.',
});

/** The position at which a list without a search continues. */
export const idPositionSchema = z.strictObject({ by: z.literal('id'), id: z.uuid() });

/** The value that a search found, in the position at which it continues. */
export const positionKeySchema = z
  .string()
  .max(1000)
  .refine((text) => !unprintable.test(text));
