import { Problem } from '../platform/errors/problem.error.js';
import type { TextKey } from '../platform/i18n/locales/en.js';
import type { FormState } from './views/form-state.js';

/** What a form shows for a conflict. */
interface ConflictText {
  readonly text: TextKey;
  readonly field?: string;
}

/** The texts that a form shows if the API refuses it. */
export interface FormTexts {
  /** The text for each invalid field, by its name in the API. The form's fields have the same names. */
  readonly fields: Readonly<Record<string, TextKey>>;
  /** The text for a conflict, by its reason, and the field that it concerns, if any. Others are shown as the API states them. */
  readonly conflicts?: Readonly<Record<string, ConflictText>>;
  /** The text for a limit that is reached. */
  readonly quota?: TextKey | undefined;
  /** Whether each field also shows what the API states about it, in English. Default false. */
  readonly hasDetails?: boolean;
}

/** A refused form, to be shown again with its errors. */
export interface FormErrors {
  /** HTTP status of the page. */
  readonly status: number;
  readonly form: FormState;
}

/**
 * The form to show again, with the values as typed and what the person can correct: errors, or a login that is too old.
 * @throws the error itself, if it's anything else.
 */
export function formErrorsOf(error: unknown, values: FormState['values'], texts: FormTexts): FormErrors {
  if (!(error instanceof Problem)) {
    throw error;
  }
  const { status } = error.definition;
  if (error.code === 'reauthentication_required' && error.loginUrl !== undefined) {
    const { loginUrl } = error;
    const problem = loginUrl.includes('acr_values') ? 'form.factorMissing' : 'form.loginTooOld';
    return { status, form: { values, errors: {}, problem, loginUrl } };
  }
  if (error.code === 'conflict' && texts.conflicts !== undefined) {
    const known = texts.conflicts[error.reason ?? ''];
    if (known === undefined) {
      return { status, form: { values, errors: {}, stated: error.detail ?? error.definition.title } };
    }
    const { text, field } = known;
    const said = field === undefined ? { errors: {}, problem: text } : { errors: { [field]: text } };
    return { status, form: { values, ...said } };
  }
  if (error.code === 'quota_reached' && texts.quota !== undefined) {
    return { status, form: { values, errors: {}, problem: texts.quota } };
  }
  const wrong = new Set(error.errors?.map(({ field }) => field.split('.')[0]));
  const errors = Object.entries(texts.fields).filter(([field]) => wrong.has(field));
  if (error.code !== 'validation_failed' || errors.length === 0) {
    throw error;
  }
  const details = texts.hasDetails === true ? detailsOf(error) : undefined;
  return { status, form: { values, errors: Object.fromEntries(errors), details } };
}

/** What the API states about each field. Entries of a list are the lines of its field. */
function detailsOf({ errors = [] }: Problem): FormState['details'] {
  const details = new Map<string, string>();
  for (const { field, message } of errors) {
    const [name = '', index] = field.split('.');
    const said = index === undefined ? message : `line ${Number(index) + 1}: ${message}`;
    const before = details.get(name);
    details.set(name, before === undefined ? said : `${before}; ${said}`);
  }
  return Object.fromEntries(details);
}
