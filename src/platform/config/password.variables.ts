import { z } from 'zod';
import { numberBetween, variableDocs } from './variable.js';

/** Characters: the minimum of NIST SP 800-63B-4 section 3.1.1.2 for a password used with a second factor. */
const shortest = 8;
const longest = 64;

const length = numberBetween(
  shortest,
  longest,
  /^\d{1,2}$/,
  `must be a whole number from ${shortest} to ${longest}`,
);

/** Variables with the rules for new passwords that are set through the gateway. */
export const passwordVariables = {
  PASSWORD_MIN_LENGTH: length.default(10).register(variableDocs, {
    description:
      'Minimum number of characters of a new password, from 8 to 64. Existing passwords stay. Weak passwords are refused at any length (docs/security.md).',
    recommendation:
      '`15` if the password is the only factor, and `8` if a second factor is always asked for (NIST SP 800-63B-4, section 3.1.1.2). If you run your own Kratos, set its `min_password_length` to the same or less.',
  }),
  BREACHED_PASSWORDS_DIR: z.string().min(1).optional().register(variableDocs, {
    description:
      'Folder with Have I Been Pwned’s range files (`<5 hex digits>.txt`, as its downloader writes them). New passwords that are in them are refused. Nothing is asked over the network.',
    derivedDefault: 'none',
    recommendation: 'If a file is missing, its passwords are not refused.',
    example: '/var/lib/pwned-passwords',
  }),
};
