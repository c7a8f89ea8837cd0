import { expect } from 'vitest';

/**
 * Expects that callers who asked for one thing at once, all but the first, were told that it's gone. Who waits over two seconds for one of
 * the ten connections to the database, as on a busy machine, is told to come again.
 */
export function expectTooLate<Refusal>(refusals: readonly Refusal[], gone: Refusal, busy: Refusal): void {
  expect(refusals).toContain(gone);
  expect(refusals.filter((refusal) => refusal !== gone && refusal !== busy)).toEqual([]);
}
