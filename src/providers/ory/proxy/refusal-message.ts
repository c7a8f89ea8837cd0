import { z } from 'zod';
import type { PageLanguage } from '../../../platform/i18n/page-language.js';
import { refusedPasswordSchema } from '../../../platform/passwords/password.policy.js';

/** Message ids: Kratos' own for a password that is too short, and one of ours that Kratos doesn't use. */
const messageIds = { short: 4_000_032, other: 4_000_901 } as const;

/** Why the gateway itself sent a form back: for its password, a name, or an address that can't have an account. */
export const formRefusalSchema = z.union([
  refusedPasswordSchema,
  z.object({
    fault: z.enum(['domain', 'invitee', 'company', 'required', 'name', 'characters']),
    advice: z.array(z.never()),
  }),
]);

/** Why the gateway itself sent a form back. */
export type FormRefusal = z.output<typeof formRefusalSchema>;

/** A message at a field of a flow, in Kratos' own format. */
export interface FieldMessage {
  readonly id: number;
  readonly text: string;
  readonly type: 'error';
  readonly context: Readonly<Record<string, string | number>>;
}

/** Name of the field that a refusal is about. */
export function fieldOf({ fault }: FormRefusal): 'password' | 'traits.email' | 'traits.name' {
  switch (fault) {
    case 'domain':
    case 'invitee':
    case 'company':
    case 'required':
      return 'traits.email';
    case 'name':
    case 'characters':
      return 'traits.name';
    default:
      return 'password';
  }
}

/** The message that a person reads at the field. @param minimumLength of passwords, in characters. */
export function refusalMessage(
  { fault, advice }: FormRefusal,
  minimumLength: number,
  { text }: PageLanguage,
): FieldMessage {
  const type = 'error';
  switch (fault) {
    case 'short': {
      const context = { min_length: minimumLength };
      return { id: messageIds.short, text: text('kratos.4000032', context), type, context };
    }
    case 'domain':
    case 'invitee':
    case 'company':
    case 'required':
    case 'name':
    case 'characters':
      return { id: messageIds.other, text: text(`signup.${fault}`), type, context: { reason: fault } };
    default: {
      const hints = advice.map((hint) => text(`password.advice.${hint}`));
      const words = [text(`password.refused.${fault}`), ...hints.slice(0, 1), text('password.advice.words')];
      return { id: messageIds.other, text: words.join(' '), type, context: { reason: fault } };
    }
  }
}
