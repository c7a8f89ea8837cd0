import type { OrgChoice } from '../../feature-parts.js';
import type { FormSelectProps } from '../form-field.view.js';

/** Organisations as options to choose from. Names repeat, short names don't. */
export function orgOptions(orgs: readonly OrgChoice[]): FormSelectProps['options'] {
  return orgs.map(({ id, slug, name }) => ({ value: id, label: `${name} (${slug})` }));
}
