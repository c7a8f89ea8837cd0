import { z } from 'zod';
import { formField } from './form-answer.js';
import type { FormTexts, FormErrors } from './form-errors.js';
import { scopeTokens } from '../session/guards/scopes.js';
import { keyLives, scopeField } from './views/key-form.view.js';

const day = 86_400_000;
const lifeSchema = z.enum(keyLives);

/** The form for an API key, as a browser sends it, with the checkboxes of scopes. */
export const keyFormSchema = z
  .object({ name: formField, scope: formField, life: formField })
  .catchall(formField);

/** The scope that the form asks for: what is ticked, and what is typed. @param offered the scopes that have a checkbox. */
export function scopeIn(values: FormErrors['form']['values'], offered: Iterable<string>): string {
  const ticked = [...offered].filter((scope) => values[scopeField(scope)] === 'on');
  return [...ticked, ...scopeTokens(values['scope'] ?? '')].join(' ');
}

/** The texts that the form shows if the API refuses it. */
export const keyFormTexts: FormTexts = {
  fields: { name: 'keys.error.name', scope: 'keys.error.scope', role: 'keys.error.role' },
  conflicts: { api_keys_full: { text: 'keys.error.full' } },
};

/** When a key with this lifetime expires: ISO 8601, or null for never; undefined for a lifetime that isn't offered. */
export function endOf(life: string, now: number): string | null | undefined {
  const { data } = lifeSchema.safeParse(life);
  if (data === undefined) {
    return undefined;
  }
  return data === 'never' ? null : new Date(now + Number(data) * day).toISOString();
}

/** The refused form of a key with a lifetime that isn't offered. */
export function wrongLife(values: FormErrors['form']['values']): FormErrors {
  return { status: 400, form: { values, errors: { life: 'keys.error.life' } } };
}
