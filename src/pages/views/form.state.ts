import type { TextKey } from '../../languages/locales/en.js';

/** A form as it was sent, and what is wrong with it: shown again with both. */
export interface FormState {
  /** What was typed, by the field's name. */
  readonly values: Readonly<Record<string, string>>;
  /** What each wrong field must be, by its name. */
  readonly errors: Readonly<Record<string, TextKey>>;
  /** What is wrong with no single field. */
  readonly problem?: TextKey | undefined;
}
