import { z } from 'zod';
import { Problem } from '../../core/problem.error.js';
import type { PagingProps } from '../views/admin/data-table.view.js';

/** One part of a list's address; what is repeated or no text counts as left out. */
export const part = z.string().catch('');

/** Values that were given, as a query; empty ones are left out. */
export function queryOf(values: Readonly<Record<string, string>>): URLSearchParams {
  return new URLSearchParams(Object.entries(values).filter(([, value]) => value !== ''));
}

/**
 * Ways to the rest of a list.
 * @param path of the page.
 * @param filter what the list is narrowed by.
 * @param cursor of the page that is shown; empty on the first one.
 */
export function pagingOf(
  path: string,
  filter: Readonly<Record<string, string>>,
  cursor: string,
  nextCursor: string | null,
): PagingProps {
  const at = (position: string): string => {
    const query = queryOf({ ...filter, cursor: position }).toString();
    return query === '' ? path : `${path}?${query}`;
  };
  return {
    next: nextCursor === null ? undefined : at(nextCursor),
    first: cursor === '' ? undefined : at(''),
  };
}

const idSchema = z.uuid();

/** An id as part of a path of the API. @throws {Problem} `not_found` for what can't be one. */
export function idPart(id: string): string {
  if (!idSchema.safeParse(id).success) {
    throw new Problem('not_found', { reason: 'id_malformed' });
  }
  return encodeURIComponent(id);
}
