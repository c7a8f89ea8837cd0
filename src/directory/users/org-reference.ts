import { isId } from '../../platform/core/id.schema.js';

/**
 * Whether a text names this organisation, by id or by slug. A text in the form of an id is compared with ids alone, so that no slug
 * can pass for another organisation's id.
 */
export function isNamed({ id, slug }: { readonly id: string; readonly slug: string }, text: string): boolean {
  return isId(text) ? id === text.toLowerCase() : slug === text;
}
