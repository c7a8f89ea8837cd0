import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BrokenDocument, elementsOf, linesOf, longestRecord } from './record-splitter.js';
import { RefusedRecord } from './refused-record.js';

/** The bytes of a text in chunks of these lengths, again and again. */
async function* chunksOf(content: string | Buffer, lengths: readonly number[] = [7]): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(content);
  for (let [start, turn] = [0, 0]; start < bytes.length; turn += 1) {
    const end = start + (lengths[turn % lengths.length] ?? 1);
    yield bytes.subarray(start, end);
    start = end;
  }
}

async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) {
    all.push(item);
  }
  return all;
}

const lengths = fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 8 });
const textOf = (text: string | RefusedRecord): string =>
  text instanceof RefusedRecord ? text.message : text;

describe('lines', () => {
  it('are what a split at line feeds has, wherever chunks end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'grapheme' })), lengths, async (parts, sizes) => {
        const content = parts.join('\n');
        const found = await allOf(linesOf(chunksOf(content, sizes)));
        const expected = content
          .split('\n')
          .map((text, index) => ({ number: index + 1, text }))
          .filter(({ text }) => text.trim() !== '');
        expect(found).toEqual(expected);
      }),
    );
  });

  it('that are too long, or no UTF-8, are refused by their number', async () => {
    const content = Buffer.concat([
      Buffer.alloc(longestRecord + 1, 'a'),
      Buffer.from('\n'),
      Buffer.alloc(longestRecord, 'b'),
      Buffer.from([0x0a, 0xff, 0x0a]),
      Buffer.from('end'),
    ]);
    const found = await allOf(linesOf(chunksOf(content, [65_536])));
    expect(found.map(({ number, text }) => [number, textOf(text).slice(0, 40)])).toEqual([
      [1, 'it has more than 1048576 bytes'],
      [2, 'b'.repeat(40)],
      [3, "it isn't UTF-8"],
      [4, 'end'],
    ]);
  });
});

describe('elements of a document', () => {
  it('are those of its top-level users, wherever chunks end and whatever else there is', async () => {
    const others = fc.dictionary(
      fc.string().filter((key) => key !== 'users'),
      fc.jsonValue(),
      { maxKeys: 4 },
    );
    await fc.assert(
      fc.asyncProperty(
        others,
        fc.array(fc.jsonValue(), { maxLength: 6 }),
        others,
        fc.constantFrom(undefined, 1, '\t'),
        lengths,
        async (before, users, after, indent, sizes) => {
          const entries = [...Object.entries(before), ['users', users], ...Object.entries(after)];
          const members = entries.map(
            ([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value, undefined, indent)}`,
          );
          const found = await allOf(elementsOf(chunksOf(`{${members.join(',')}}`, sizes)));
          expect(found.map(({ number }) => number)).toEqual(users.map((_user, index) => index + 1));
          expect(found.map(({ text }): unknown => JSON.parse(textOf(text)))).toEqual(
            users.map((user): unknown => JSON.parse(JSON.stringify(user))),
          );
        },
      ),
    );
  });

  it('are not those of another `users` within it, or of a text that looks like one', async () => {
    const content = JSON.stringify({
      text: '"users": [1]',
      '\\"users': [2],
      nested: { users: [3], list: [{ users: [4] }] },
      users: [5],
      users2: [6],
    });
    const found = await allOf(elementsOf(chunksOf(content)));
    expect(found.map(({ text }) => text)).toEqual(['5']);
  });

  it('one that is too long is refused, and the next is read', async () => {
    const content = `{"users": [{"a": "${'a'.repeat(longestRecord)}"}, {"b": 1}]}`;
    const found = await allOf(elementsOf(chunksOf(content, [65_536])));
    expect(found.map(({ text }) => textOf(text))).toEqual(['it has more than 1048576 bytes', '{"b": 1}']);
  });

  it.each([
    ['{"users": {"a": 1}}', 'The file has no top-level `users` array.'],
    ['[{"users": []}]', 'The file has no top-level `users` array.'],
    ['', 'The file has no top-level `users` array.'],
    ['{"users": [1, 2', 'The file ends within its JSON: it was cut off.'],
    ['{"users": ["a', 'The file ends within its JSON: it was cut off.'],
  ])('%j is a broken document', async (content, message) => {
    await expect(allOf(elementsOf(chunksOf(content)))).rejects.toThrow(new BrokenDocument(message));
  });
});
