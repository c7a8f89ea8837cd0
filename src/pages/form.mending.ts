import { Problem } from '../core/problem.error.js';
import type { TextKey } from '../languages/locales/en.js';
import type { FormState } from './views/form.state.js';

/** What a form says of what the API refuses. */
export interface FormTexts {
  /** What each field must be, by its name in the API; the form's fields have the same names. */
  readonly fields: Readonly<Record<string, TextKey>>;
  /** Of a conflict, and the field that it's about, if it's about one. */
  readonly conflict?: { readonly text: TextKey; readonly field?: string | undefined } | undefined;
}

/** A form to be shown again. */
export interface Mending {
  /** HTTP status of the page. */
  readonly status: number;
  readonly form: FormState;
}

/**
 * What the person can mend: shown beside the form, with what they typed.
 * @throws the error itself, when it's anything else.
 */
export function mendingOf(error: unknown, values: FormState['values'], texts: FormTexts): Mending {
  if (!(error instanceof Problem)) {
    throw error;
  }
  const { status } = error.definition;
  if (error.code === 'conflict' && texts.conflict !== undefined) {
    const { text, field } = texts.conflict;
    const said = field === undefined ? { errors: {}, problem: text } : { errors: { [field]: text } };
    return { status, form: { values, ...said } };
  }
  const wrong = new Set(error.errors?.map(({ field }) => field.split('.')[0]));
  const errors = Object.entries(texts.fields).filter(([field]) => wrong.has(field));
  if (error.code !== 'validation_failed' || errors.length === 0) {
    throw error;
  }
  return { status, form: { values, errors: Object.fromEntries(errors) } };
}
