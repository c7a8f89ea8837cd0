import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Problem } from '../errors/problem.error.js';
import { decodeCursor, encodeCursor, pageQuerySchema, toPage } from './page-cursor.js';

const position = z.strictObject({ by: z.literal('name'), key: z.string(), id: z.uuid() });

/** The result of a cursor: its position, or the code of the problem. Any other error fails the test. */
function outcomeOf(cursor: string): unknown {
  try {
    return decodeCursor(position, cursor);
  } catch (error) {
    if (error instanceof Problem) {
      return error.code;
    }
    throw error;
  }
}

describe('cursors', () => {
  it('give back the position that they were made of', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.uuid(), (key, id) => {
        expect(outcomeOf(encodeCursor({ by: 'name', key, id }))).toEqual({ by: 'name', key, id });
      }),
    );
  });

  it('that were made up are validation_failed, whatever they are', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.base64String(),
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
      fc.constantFrom(
        '',
        'e30',
        'bnVsbA',
        'W10',
        '__proto__',
        encodeCursor({ by: 'id', id: 'x' }),
        encodeCursor(1e308),
      ),
      fc.nat(5000).map((depth) => Buffer.from('['.repeat(depth)).toString('base64url')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(outcomeOf(text)).toBe('validation_failed');
      }),
      { numRuns: 1000 },
    );
  });

  it('with a changed character are a position of the list or validation_failed', () => {
    const cursor = encodeCursor({ by: 'name', key: 'ada', id: '01980000-0000-7000-8000-000000000000' });
    fc.assert(
      fc.property(
        fc.nat(cursor.length - 1),
        fc.string({ unit: 'binary-ascii', maxLength: 2 }),
        (at, text) => {
          const outcome = outcomeOf(cursor.slice(0, at) + text + cursor.slice(at + 1));
          expect(outcome === 'validation_failed' || position.safeParse(outcome).success).toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('pages', () => {
  it('laid one after the other have every row once, in order', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.integer({ min: 1, max: 10 }), (count, limit) => {
        const rows = Array.from({ length: count }, (_none, index) => index);
        const seen: number[] = [];
        let start: number | undefined = 0;
        while (start !== undefined) {
          const page: { items: number[]; nextCursor: string | null } = toPage(
            rows.slice(start, start + limit + 1),
            limit,
            (row) => row,
            (row) => row,
          );
          seen.push(...page.items);
          const last: number | undefined = decodeCursor(z.number(), page.nextCursor ?? undefined);
          start = last === undefined ? undefined : last + 1;
        }
        expect(seen).toEqual(rows);
      }),
    );
  });

  it('have from 1 to 100 entries, whatever is asked for', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.double(), fc.integer(), fc.anything()), (limit) => {
        const parsed = pageQuerySchema.safeParse({ limit });
        const given = parsed.data?.limit ?? 1;
        expect(Number.isInteger(given) && given >= 1 && given <= 100).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
