import { z } from 'zod';
import { parseJson } from '../config/json.parser.js';
import { Problem } from '../errors/problem.error.js';

const maximumLimit = 100;
const defaultLimit = 50;
const maximumLength = 1024;

/** `limit` and `cursor` of a list. */
export const pageQuerySchema = z.object({
  limit: z.coerce
    .number({ error: 'must be a whole number from 1 to 100' })
    .int({ error: 'must be a whole number from 1 to 100' })
    .min(1, { error: 'must be a whole number from 1 to 100' })
    .max(maximumLimit, { error: 'must be a whole number from 1 to 100' })
    .default(defaultLimit)
    .meta({ description: 'Maximum number of entries per page.' }),
  cursor: z
    .string()
    .max(maximumLength)
    .optional()
    .meta({ description: '`nextCursor` of the previous page. Treat it as opaque.' }),
});

/** The page of a list that is requested. */
export type PageQuery = z.output<typeof pageQuerySchema>;

/** `nextCursor` in the answer of a list. */
export const nextCursor = z
  .string()
  .nullable()
  .meta({ description: 'Pass it as `cursor` to get the next page; null on the last page.' });

/** `nextCursor` in the answer of a list that is never paged. */
export const noNextCursor = z.null().meta({ description: 'Always null: the list is never paged.' });

/** One page of a list. */
export interface Page<T> {
  readonly items: T[];
  /** Cursor of the next page; null on the last one. */
  readonly nextCursor: string | null;
}

/** Encodes the position at which a page begins, as text that callers pass back. */
export function encodeCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** The position in a cursor. @throws {Problem} `validation_failed` for a cursor of another list. */
export function decodeCursor<T>(schema: z.ZodType<T>, cursor: string | undefined): T | undefined {
  if (cursor === undefined) {
    return undefined;
  }
  const text = /^[\w-]+$/.test(cursor) ? Buffer.from(cursor, 'base64url').toString() : '';
  const parsed = schema.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new Problem('validation_failed', {
      errors: [{ field: 'cursor', message: 'must be the nextCursor of the page before' }],
    });
  }
  return parsed.data;
}

/**
 * Rows → a page.
 * @param rows at most one more than the limit; the additional one shows that there is another page.
 * @param position the position of the page after this row.
 */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  toItem: (row: Row) => Item,
  position: (row: Row) => unknown,
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const nextCursor = rows.length > limit && last !== undefined ? encodeCursor(position(last)) : null;
  return { items: shown.map(toItem), nextCursor };
}
