import { z } from 'zod';
import { variableDocs } from './variable.js';

/** Characters: below, not even NIST SP 800-63B-4 section 3.1.1.2 takes a password beside a second factor. */
const shortest = 8;
const longest = 64;

const length = z.string().transform((text, context) => {
  const number = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= shortest && number <= longest)) {
    context.addIssue(`must be a whole number from ${shortest} to ${longest}`);
    return z.NEVER;
  }
  return number;
});

/** What new passwords must be, where the gateway is in front of them. */
export const passwordVariables = {
  PASSWORD_MIN_LENGTH: length.default(10).register(variableDocs, {
    description:
      'Characters that a new password must have, at least, from 8 to 64. Existing passwords stay. Common and easily guessed passwords, the product’s name and the person’s own name and address are refused at any length (docs/security.md).',
    recommendation:
      '`15` where a password is the only factor: NIST SP 800-63B-4 (section 3.1.1.2) and `8` where a second factor is always asked for. With Kratos of your own, set `min_password_length` to the same or less.',
  }),
  BREACHED_PASSWORDS_DIR: z.string().min(1).optional().register(variableDocs, {
    description:
      'Folder with Have I Been Pwned’s range files (`<5 hex digits>.txt`, as its downloader writes them): new passwords that stand in them are refused. They are read from the folder, and nothing is asked over the network.',
    derivedDefault: 'none',
    recommendation: 'Fetch the files outside and carry them in. A file that is missing refuses nothing.',
    example: '/var/lib/pwned-passwords',
  }),
};
