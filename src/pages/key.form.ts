import { z } from 'zod';
import { formField } from './form.answer.js';
import type { FormTexts, Mending } from './form.mending.js';
import { keyLives } from './views/key-form.view.js';

const day = 86_400_000;
const lifeSchema = z.enum(keyLives);

/** The form for an API key, as a browser sends it. */
export const keyFormSchema = z.object({ name: formField, scope: formField, life: formField });

/** What it says of what the API refuses. */
export const keyFormTexts: FormTexts = {
  fields: { name: 'keys.error.name', scope: 'keys.error.scope', role: 'keys.error.role' },
  conflict: { text: 'keys.error.full' },
};

/** When a key of this life ends: ISO 8601, or null for no end; undefined for a life that isn't offered. */
export function endOf(life: string, now: number): string | null | undefined {
  const { data } = lifeSchema.safeParse(life);
  if (data === undefined) {
    return undefined;
  }
  return data === 'never' ? null : new Date(now + Number(data) * day).toISOString();
}

/** The form, when its life isn't one of those offered. */
export function wrongLife(values: Mending['form']['values']): Mending {
  return { status: 400, form: { values, errors: { life: 'keys.error.life' } } };
}
