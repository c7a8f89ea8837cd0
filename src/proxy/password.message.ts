import type { PageLanguage } from '../languages/page.language.js';
import type { RefusedPassword } from '../passwords/password.policy.js';

/** Kratos' id for a password that is too short, and one of ours that no message of Kratos has. */
const messageIds = { short: 4_000_032, other: 4_000_901 } as const;

/** A message in the form of Kratos' own, as it stands at the field of a flow. */
export interface PasswordMessage {
  readonly id: number;
  readonly text: string;
  readonly type: 'error';
  readonly context: Readonly<Record<string, string | number>>;
}

/** What a person reads at the password field. @param minimumLength in characters. */
export function passwordMessage(
  { fault, advice }: RefusedPassword,
  minimumLength: number,
  { text }: PageLanguage,
): PasswordMessage {
  const type = 'error';
  if (fault === 'short') {
    const context = { min_length: minimumLength };
    return { id: messageIds.short, text: text('kratos.4000032', context), type, context };
  }
  const hints = advice.map((hint) => text(`password.advice.${hint}`));
  const words = [text(`password.refused.${fault}`), ...hints.slice(0, 1), text('password.advice.words')];
  return { id: messageIds.other, text: words.join(' '), type, context: { reason: fault } };
}
