import { z } from 'zod';
import { Problem } from '../../platform/errors/problem.error.js';
import type { PagingProps } from '../views/admin/data-table.view.js';
import { givenIdSchema } from '../../platform/core/id.schema.js';

/** One query parameter of a list. Anything but a single string, such as a repeated parameter, counts as empty. */
export const part = z.string().catch('');

/** A query with these values; empty ones are left out. */
export function queryOf(values: Readonly<Record<string, string>>): URLSearchParams {
  return new URLSearchParams(Object.entries(values).filter(([, value]) => value !== ''));
}

/**
 * Links to the next and the first page of a list.
 * @param path path of the page.
 * @param filter query parameters that filter the list.
 * @param cursor cursor of the page that is shown; empty on the first one.
 * @param nextCursor cursor of the next page; null on the last one.
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

/** An id, encoded for a path of the API. @throws {Problem} `not_found` if it can't be an id. */
export function idPart(id: string): string {
  if (!givenIdSchema.safeParse(id).success) {
    throw new Problem('not_found', { reason: 'id_malformed' });
  }
  return encodeURIComponent(id);
}
