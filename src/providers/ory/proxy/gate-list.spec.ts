import { expect, it } from 'vitest';
import type { Exchange } from './exchange.js';
import { type Gate, admitThrough, settleThrough } from './gate-list.js';

/** Gates look at nothing of an exchange here. */
const exchange: Exchange = Object.create(null);

/** Gates that note when they are asked. */
function noting(calls: string[], gates: readonly Gate[]): readonly Gate[] {
  return gates.map(({ name, admit, settle }) => ({
    name,
    admit: (given) => {
      calls.push(`admit ${name}`);
      return admit?.(given);
    },
    settle: (given, payload) => {
      calls.push(`settle ${name}`);
      return settle?.(given, payload);
    },
  }));
}

it('requests and answers pass all gates in the same order', async () => {
  const calls: string[] = [];
  const gates = noting(calls, [{ name: 'one' }, { name: 'two' }]);
  expect(await admitThrough(gates, exchange)).toBe(true);
  expect(await settleThrough(gates, exchange, 'answer')).toBe('answer');
  expect(calls).toEqual(['admit one', 'admit two', 'settle one', 'settle two']);
});

it('a request that a gate has answered, or refused, reaches no later one', async () => {
  const calls: string[] = [];
  const answering = noting(calls, [{ name: 'one', admit: async () => true }, { name: 'two' }]);
  expect(await admitThrough(answering, exchange)).toBe(false);
  const refusing = noting(calls, [
    {
      name: 'three',
      admit: () => {
        throw new Error('refused');
      },
    },
    { name: 'four' },
  ]);
  await expect(admitThrough(refusing, exchange)).rejects.toThrow('refused');
  expect(calls).toEqual(['admit one', 'admit three']);
});

it('what a gate sends instead is what the next one gets', async () => {
  const gates: readonly Gate[] = [
    { name: 'one', settle: async (_, payload) => `${String(payload)}, by one` },
    { name: 'two', settle: () => undefined },
    { name: 'three', settle: async (_, payload) => `${String(payload)}, by three` },
  ];
  expect(await settleThrough(gates, exchange, 'answer')).toBe('answer, by one, by three');
});
