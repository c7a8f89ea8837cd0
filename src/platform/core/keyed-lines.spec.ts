import { expect, it } from 'vitest';
import { KeyedLines } from './keyed-lines.js';

it('of one key one runs at a time, in the order in which they came; another key waits for none of them', async () => {
  const lines = new KeyedLines();
  const seen: string[] = [];
  const ends: (() => void)[] = [];
  const act = (name: string) => async (): Promise<string> => {
    seen.push(name);
    await new Promise<void>((resolve) => ends.push(resolve));
    return name;
  };
  const first = lines.run('one', act('first'));
  const second = lines.run('one', act('second'));
  const other = lines.run('two', act('other'));
  expect(seen).toEqual(['first', 'other']);
  ends.splice(0).forEach((end) => end());
  expect(await Promise.all([first, other])).toEqual(['first', 'other']);
  expect(seen).toEqual(['first', 'other', 'second']);
  ends.splice(0).forEach((end) => end());
  expect(await second).toBe('second');
  expect(lines.size).toBe(0);
});

it('what fails is told to its caller alone', async () => {
  const lines = new KeyedLines();
  const failed = lines.run('key', async () => {
    throw new Error('refused');
  });
  const next = lines.run('key', async () => 'next');
  await expect(failed).rejects.toThrow('refused');
  expect(await next).toBe('next');
  expect(lines.size).toBe(0);
});
