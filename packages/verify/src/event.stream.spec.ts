import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type ServerEvent, readEvents } from './event.stream.js';

async function eventsOf(chunks: readonly (string | Uint8Array)[]): Promise<ServerEvent[]> {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      chunks.forEach((chunk) =>
        controller.enqueue(typeof chunk === 'string' ? encoder.encode(chunk) : chunk),
      );
      controller.close();
    },
  });
  const found: ServerEvent[] = [];
  for await (const event of readEvents(body, 1000)) {
    found.push(event);
  }
  return found;
}

const stream = 'id: 1\nevent: x\ndata: ä\n\n:\n\nid: 2\ndata: B\ndata: C\n\n';
const events = [
  { id: '1', data: 'ä' },
  { id: '', data: '' },
  { id: '2', data: 'B\nC' },
];

it.each([
  ['\n', '\n'],
  ['\r\n', '\r\n'],
  ['\r', '\r'],
])('reads the same events however the bytes are cut, with lines that end with %j', async (_shown, end) => {
  const bytes = new TextEncoder().encode(stream.replaceAll('\n', end));
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 1, max: bytes.length - 1 })), async (cuts) => {
      const places = [0, ...cuts.toSorted((one, other) => one - other), bytes.length];
      const chunks = places.slice(1).map((place, index) => bytes.slice(places[index], place));
      // A carriage return at the very end may be half of a line's end: what it ends isn't known yet.
      expect(await eventsOf([...chunks, ':'])).toEqual(events);
    }),
    { numRuns: 300 },
  );
});

it('reads no event that has not ended', async () => {
  expect(await eventsOf(['id: 1\ndata: A\n'])).toEqual([]);
});

it('breaks off when nothing is heard', async () => {
  const body = new ReadableStream<Uint8Array>();
  await expect(readEvents(body, 20).next()).rejects.toThrow('nothing was heard');
});
