import type { TextKey } from '../../platform/i18n/locales/en.js';

/** A form that was sent and its errors, to be shown again. */
export interface FormState {
  /** The values as typed, by field name. */
  readonly values: Readonly<Record<string, string>>;
  /** The error of each invalid field, by field name. */
  readonly errors: Readonly<Record<string, TextKey>>;
  /** What the API states about invalid fields, in English, by field name. */
  readonly details?: Readonly<Record<string, string>> | undefined;
  /** An error that isn't about a single field. */
  readonly problem?: TextKey | undefined;
  /** An error that we have no text for and that isn't about a single field, as the API states it, in English. */
  readonly stated?: string | undefined;
  /** Where to log in again, if that is what the form needs. */
  readonly loginUrl?: string | undefined;
}
