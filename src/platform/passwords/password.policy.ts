import { Logger } from '@nestjs/common';
import { z } from 'zod';
import { BreachedPasswords } from './breached-passwords.js';
import { GuessEstimator, passwordAdvice } from './guess-estimator.js';

/** Why a password is refused, and advice for a better one; the texts are under `password.*` in the locales. */
export const refusedPasswordSchema = z.object({
  fault: z.enum(['short', 'common', 'guessable', 'brand', 'own', 'breached']),
  advice: z.array(z.enum(passwordAdvice)),
});

/** Why a password can't be used. */
export type RefusedPassword = z.output<typeof refusedPasswordSchema>;

/** The settings of a password policy. */
export interface PasswordPolicySettings {
  /** Minimum number of characters. */
  readonly minimumLength: number;
  /** Name of the product, and other names that a guess would begin with. */
  readonly brand: readonly string[];
  /** Folder with Have I Been Pwned's range files. */
  readonly breachedFolder?: string | undefined;
}

/** Characters that must remain of a password after the names in it are removed. */
const leastRemainder = 6;
/** Maximum characters around a common password with which it still counts as common, as in `password2024!`. */
const mostDecoration = 5;
/** Characters of a password, and of a name, that are judged: the work would grow with the square of a form's size. */
const longestJudged = 1024;
/** Texts about the person in which names are looked for. */
const mostNames = 20;
/** Minimum length of a name: shorter ones occur in too many good passwords. */
const shortestName = 3;

/**
 * Refuses passwords that are short, common, easily guessed, breached, or made of the product's or the person's own name. All
 * checks are local; no service is called. (NIST SP 800-63B-4 section 3.1.1.2, ASVS 5.0 6.2.1, 6.2.4, 6.2.11)
 */
export class PasswordPolicy {
  readonly #logger = new Logger(PasswordPolicy.name);
  readonly #breached: BreachedPasswords | undefined;
  #estimator: Promise<GuessEstimator> | undefined;

  constructor(private readonly settings: PasswordPolicySettings) {
    const { breachedFolder } = settings;
    this.#breached = breachedFolder === undefined ? undefined : new BreachedPasswords(breachedFolder);
  }

  /** Minimum number of characters. */
  get minimumLength(): number {
    return this.settings.minimumLength;
  }

  /** Checks a password. @param own the person's name and address, if known. @returns nothing if it can be used. */
  async check(password: string, own: readonly string[]): Promise<RefusedPassword | undefined> {
    this.#estimator ??= GuessEstimator.load();
    const estimator = await this.#estimator;
    const brandNames = this.settings.brand.flatMap(namesIn);
    const ownNames = own.slice(0, mostNames).flatMap((text) => namesIn(text.slice(0, longestJudged)));
    const names = [...brandNames, ...ownNames];
    const { isGuessable, advice } = estimator.estimate(password, names);
    const start = password.slice(0, longestJudged);
    const fault =
      [...password].length < this.settings.minimumLength
        ? 'short'
        : isCommon(start, estimator)
          ? 'common'
          : isMadeOf(start, brandNames)
            ? 'brand'
            : isMadeOf(start, names)
              ? 'own'
              : isGuessable
                ? 'guessable'
                : (await this.#isBreached(password))
                  ? 'breached'
                  : undefined;
    return fault === undefined ? undefined : { fault, advice };
  }

  async #isBreached(password: string): Promise<boolean> {
    try {
      return (await this.#breached?.includes(password)) === true;
    } catch (error) {
      this.#logger.error('a file of breached passwords cannot be read', {
        reason: 'breached_passwords_unreadable',
        err: error,
      });
      return false;
    }
  }
}

function isCommon(password: string, estimator: GuessEstimator): boolean {
  const text = normalised(password);
  const core = text.replaceAll(/^\P{L}+|\P{L}+$/gu, '');
  const isDecorated = core.length >= shortestName && text.length - core.length <= mostDecoration;
  return [text, text.replaceAll(/\s/g, ''), ...(isDecorated ? [core] : [])].some((form) =>
    estimator.isCommon(form),
  );
}

/** Whether almost nothing remains of a password after these names are removed. */
function isMadeOf(password: string, names: readonly string[]): boolean {
  const text = normalised(password);
  const remainder = names
    .toSorted((a, b) => b.length - a.length)
    .reduce((rest, name) => rest.replaceAll(name, ''), text);
  return remainder !== text && remainder.replaceAll(/[^\p{L}\p{N}]/gu, '').length < leastRemainder;
}

/** A name or an e-mail address, and its parts, which a guess would combine. */
function namesIn(text: string): string[] {
  const whole = normalised(text);
  const [local = '', domain = ''] = whole.split('@', 2);
  const isAddress = domain !== '';
  // Without a domain's last label: one like `com` occurs in too many passwords.
  const parts = [local, ...(isAddress ? domain.split('.').slice(0, -1) : [])];
  const words = parts.flatMap((part) => [part, part.replaceAll(/\s/g, ''), ...part.split(/[^\p{L}\p{N}]+/u)]);
  return [...new Set([whole, ...words])].filter((name) => name.length >= shortestName);
}

function normalised(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}
