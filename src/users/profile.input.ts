import { z } from 'zod';

/** Control characters, and halves of characters that no database can keep. */
const unprintable = /[\p{Cc}\p{Cs}]/u;
const longestName = 200;
/** Characters of a picture's URL. A longer one stays out of tokens: a cookie has room for 4,096 bytes, and nobody may be locked out by a picture. */
export const longestPicture = 512;
const longestSearch = 320;
const webUrl = /^https?:\/\/[^\s\p{Cc}\p{Cs}]+$/u;

/** Text without what can't be shown or stored. */
function printable(schema: z.ZodString): z.ZodString {
  return schema.refine((text) => !unprintable.test(text), {
    error: 'must not have control characters',
    abort: true,
  });
}

/** A person's name, as callers give it. */
export const nameSchema = printable(z.string().trim().min(1).max(longestName)).meta({
  description: 'As it is shown.',
  example: 'Ada Lovelace',
});

/** A person's picture, as callers give it. */
export const pictureSchema = z
  .string()
  .max(longestPicture)
  .refine((text) => webUrl.test(text) && URL.canParse(text), { error: 'must be an http or https URL' })
  .nullable()
  .meta({ description: 'URL of a picture; null for none.', example: 'https://example.org/ada.png' });

/** What people are searched by. */
export const searchSchema = printable(z.string().trim().min(1).max(longestSearch)).meta({
  description:
    'Beginning of an e-mail address or of a name, whatever its case, or a whole user id. `%`, `_` and `*` have no meaning.',
});
