import type { ZxcvbnFactory } from '@zxcvbn-ts/core';

/** Kinds of advice for a better password. */
export const passwordAdvice = ['sequence', 'repeat', 'year', 'spelling'] as const;
type PasswordAdvice = (typeof passwordAdvice)[number];

/** How easily a password can be guessed. */
export interface GuessEstimate {
  /** Whether fewer than a million guesses are enough (zxcvbn's scores 0 and 1). */
  readonly isGuessable: boolean;
  readonly advice: PasswordAdvice[];
}

/**
 * Characters that are estimated at each end of a password. Twice as many take far more than twice as long, and the estimate
 * blocks all other requests.
 */
const window = 24;

/** Our advice by zxcvbn's keys for warnings and suggestions. */
const adviceOf: Readonly<Record<string, PasswordAdvice>> = {
  straightRow: 'sequence',
  keyPattern: 'sequence',
  sequences: 'sequence',
  longerKeyboardPattern: 'sequence',
  simpleRepeat: 'repeat',
  extendedRepeat: 'repeat',
  repeated: 'repeat',
  recentYears: 'year',
  associatedYears: 'year',
  dates: 'year',
  l33t: 'spelling',
  capitalization: 'spelling',
  allUppercase: 'spelling',
  reverseWords: 'spelling',
};

/** Estimates how easily passwords are guessed, by zxcvbn with a bundled list of common passwords. */
export class GuessEstimator {
  private constructor(
    private readonly zxcvbn: ZxcvbnFactory,
    private readonly common: ReadonlySet<string>,
  ) {}

  /** Loads the list: 49,000 passwords, which only a process that receives passwords needs. */
  static async load(): Promise<GuessEstimator> {
    const [{ ZxcvbnFactory }, { dictionary, adjacencyGraphs }] = await Promise.all([
      import('@zxcvbn-ts/core'),
      import('@zxcvbn-ts/language-common'),
    ]);
    const passwords = dictionary['passwords-common'];
    const zxcvbn = new ZxcvbnFactory({ dictionary: { passwords }, graphs: adjacencyGraphs });
    return new GuessEstimator(zxcvbn, new Set(passwords));
  }

  /** Whether a text is one of the common passwords. @param text in lower case. */
  isCommon(text: string): boolean {
    return this.common.has(text);
  }

  /** Estimates a password. @param words that a guess about this person would begin with. */
  estimate(password: string, words: readonly string[]): GuessEstimate {
    // A long password is guessable only if both of its ends are.
    const ends = new Set([password.slice(0, window), password.slice(-window)]);
    const results = [...ends].map((end) => this.zxcvbn.check(end, [...words]));
    const keys = results.flatMap(({ feedback: { warning, suggestions } }) => [warning ?? '', ...suggestions]);
    const advice = keys.flatMap((key) => adviceOf[key] ?? []);
    return { isGuessable: results.every(({ score }) => score <= 1), advice: [...new Set(advice)] };
  }
}
