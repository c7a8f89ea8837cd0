import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Gateway, startGateway } from '../../../test/support/gateway.js';
import { waitUntil } from '../../../test/support/stack.js';
import { newId } from '../../platform/core/identifier.js';
import type { RevocationRow } from '../../platform/database/database.schema.js';
import { SigningKeyRing } from '../../session/tokens/signing-key-ring.js';
import { RevocationFeed } from '../../session/revocation/revocation-feed.js';
import { type RevocationMessage, RevocationStream } from './revocation-stream.js';

let gateway: Gateway;
let feed: RevocationFeed;
let stream: RevocationStream;

beforeAll(async () => {
  gateway = await startGateway();
  feed = gateway.app.get(RevocationFeed, { strict: false });
  stream = gateway.app.get(RevocationStream, { strict: false });
});

afterAll(async () => gateway?.stop());

/** Seconds by which the gateway's clock is ahead. */
let ahead = 0;
/** Lets a minute pass: no snapshot is taken again. */
const passMinute = (): void => gateway.shiftClock((ahead += 60));

beforeEach(passMinute);

const end = (): RevocationRow => ({
  id: newId(),
  kind: 'session',
  before: null,
  recorded_at: Date.now(),
  expires_at: Date.now() + 60_000,
});

/** The ids that a message says have ended. */
function endedIn({ token }: RevocationMessage): readonly string[] {
  const bytes = Buffer.from(String(decodeJwt(token)['ended']), 'base64url');
  return Array.from({ length: bytes.length / 16 }, (_each, index) =>
    bytes.toString('hex', index * 16, index * 16 + 16),
  );
}

const digitsOf = ({ id }: RevocationRow): string => id.replaceAll('-', '');

/** The parts of a snapshot. */
async function snapshot(): Promise<readonly RevocationMessage[]> {
  const parts: RevocationMessage[] = [];
  for await (const part of stream.snapshot()) {
    parts.push(part);
  }
  return parts;
}

/** Whether a message tells nothing new. */
const isSign = ({ token }: RevocationMessage): boolean => {
  const { told, snapshot } = decodeJwt(token);
  return told !== undefined && snapshot === undefined;
};

/** A subscriber, with what it has heard. */
async function listen(lastId?: string): Promise<{
  readonly messages: RevocationMessage[];
  readonly signs: RevocationMessage[];
  readonly failures: () => number;
  readonly stop: () => void;
}> {
  const messages: RevocationMessage[] = [];
  const signs: RevocationMessage[] = [];
  let failures = 0;
  const stop = stream.subscribe(lastId, {
    send: (message) => (isSign(message) ? signs : messages).push(message),
    drained: async () => undefined,
    fail: () => (failures += 1),
  });
  if (lastId === undefined) {
    await waitUntil(async () => messages.at(-1)?.id !== undefined, 'the snapshot');
  }
  return { messages, signs, failures: () => failures, stop };
}

/** A subscriber who left knows a message, and misses the next one, which another hears. */
async function missOne() {
  const [first, other] = [await listen(), await listen()];
  const known = first.messages.at(-1)?.id;
  first.stop();
  const missed = end();
  const count = other.messages.length;
  feed.announce([missed]);
  await waitUntil(async () => other.messages.length > count, 'the message');
  return { known, missed, other };
}

it('loses no end that comes while, or right after, another is told', async () => {
  const rows = Array.from({ length: 60 }, end);
  const told = new Set<string>();
  let next = 0;
  const announceNext = (): void => {
    const row = rows[next];
    if (row !== undefined) {
      next += 1;
      feed.announce([row]);
    }
  };
  const stop = stream.subscribe(undefined, {
    send: (message) => {
      endedIn(message).forEach((id) => told.add(id));
      // After as many microtasks as have been told: some come before the one that tells has ended, some after it.
      let wait = Promise.resolve();
      for (let turn = 0; turn < next % 12; turn += 1) {
        wait = wait.then(() => undefined);
      }
      void wait.then(announceNext);
    },
    drained: async () => undefined,
    fail: () => undefined,
  });
  await waitUntil(async () => told.size === rows.length, 'every end to be told');
  expect([...told].toSorted()).toEqual(rows.map(digitsOf).toSorted());
  stop();
});

it('sends nothing that is too old to be believed', async () => {
  const { known, missed, other } = await missOne();
  gateway.shiftClock((ahead += 185));
  const now = Math.floor(Date.now() / 1000) + ahead;
  const ageOf = ({ token }: RevocationMessage): number => Math.abs(now - Number(decodeJwt(token).iat));
  expect((await snapshot()).map(ageOf).every((age) => age < 30)).toBe(true);
  const back = await listen(known);
  await waitUntil(async () => back.messages.length > 0, 'the snapshot');
  expect(back.messages.map(ageOf).every((age) => age < 30)).toBe(true);
  expect(back.messages.flatMap(endedIn)).toContain(digitsOf(missed));
  back.stop();
  other.stop();
});

it('gives all who know everything one sign of life, which names the last message', async () => {
  const [one, other] = [await listen(), await listen()];
  feed.announce([end()]);
  await waitUntil(() => [one, other].every(({ messages }) => messages.length > 1), 'the message');
  const back = await listen(one.messages.at(-1)?.id);
  [one, other, back].forEach(({ signs }) => signs.splice(0));
  passMinute();
  await stream.sendSigns();
  const [sign, ...others] = [one, other, back].map(({ signs }) => signs.at(-1));
  expect(others).toEqual([sign, sign]);
  const number = Number(one.messages.at(-1)?.id?.split('.')[1]);
  expect(decodeJwt(sign?.token ?? '')).toMatchObject({
    stream: one.messages.at(-1)?.id?.split('.')[0],
    told: number,
    ended: '',
    changed: [],
  });
  expect(decodeJwt(one.messages.at(-1)?.token ?? '')).toMatchObject({ number });
  expect(sign?.id).toBeUndefined();
  [one, other, back].forEach(({ stop }) => stop());
});

it('gives newer signs of life while the clock is set back by 40 seconds, and begins anew when it is by an hour', async () => {
  const { messages, signs, failures, stop } = await listen();
  await waitUntil(() => signs.length > 0, 'the first sign of life');
  const issuedAt = (): readonly unknown[] => signs.map(({ token }) => decodeJwt(token).iat);
  gateway.shiftClock((ahead -= 40));
  await stream.sendSigns();
  await stream.sendSigns();
  const [first] = issuedAt();
  expect(issuedAt()).toEqual([first, Number(first) + 1, Number(first) + 2]);
  expect(failures()).toBe(0);
  gateway.shiftClock((ahead -= 3600));
  await stream.sendSigns();
  expect([failures(), signs.length]).toEqual([1, 3]);
  stop();
  const known = messages.at(-1)?.id;
  const back = await listen(known);
  await waitUntil(() => back.signs.length > 0, 'the first sign of life');
  const [told] = back.signs.map(({ token }) => decodeJwt(token));
  expect([back.messages.at(-1)?.id?.split('.')[0], known?.startsWith(String(told?.['stream']))]).toEqual([
    told?.['stream'],
    false,
  ]);
  expect(told?.iat).toBeLessThan(Number(first) - 3600);
  back.stop();
  gateway.shiftClock((ahead += 3640));
});

it('takes nothing for known that came while there was no subscriber', async () => {
  const id = (await snapshot()).at(-1)?.id;
  passMinute();
  const unheard = end();
  feed.announce([unheard]);
  const later = await listen(id);
  await waitUntil(async () => later.messages.length > 0, 'the snapshot');
  expect(later.messages.flatMap(endedIn)).toContain(digitsOf(unheard));
  later.stop();
});

it('signs anew after a snapshot that could not be signed', async () => {
  const ring = gateway.app.get(SigningKeyRing, { strict: false });
  const signing = ring.signing.bind(ring);
  feed.announce([end()]);
  ring.signing = () => {
    ring.signing = signing;
    throw new Error('no key');
  };
  await expect(snapshot()).rejects.toThrow('no key');
  expect((await snapshot())[0]?.token).toMatch(/^eyJ/);
});

it('tells a subscriber who comes back what was missed, and everything if there was no subscriber meanwhile', async () => {
  const { known, missed, other } = await missOne();
  const back = await listen(known);
  expect(back.messages.map(endedIn)).toEqual([[digitsOf(missed)]]);
  const last = back.messages.at(-1)?.id;
  back.stop();
  other.stop();
  passMinute();
  const unheard = end();
  feed.announce([unheard]);
  const later = await listen(last);
  await waitUntil(async () => later.messages.length > 0, 'the snapshot');
  expect(later.messages.flatMap(endedIn)).toEqual(expect.arrayContaining([missed, unheard].map(digitsOf)));
  later.stop();
});

it('ends every subscription after a message that could not be signed: a new one begins with everything', async () => {
  const { messages, failures, stop } = await listen();
  const known = messages.at(-1)?.id;
  const ring = gateway.app.get(SigningKeyRing, { strict: false });
  const signing = ring.signing.bind(ring);
  const [lost, next] = [end(), end()];
  ring.signing = () => {
    ring.signing = signing;
    throw new Error('no key');
  };
  feed.announce([lost]);
  await waitUntil(async () => failures() === 1, 'the failure');
  stop();
  const again = await listen(known);
  await waitUntil(async () => again.messages.length > 0, 'the snapshot');
  feed.announce([next]);
  await waitUntil(async () => again.messages.length > 1, 'the next message');
  expect(again.messages.flatMap(endedIn)).toEqual(expect.arrayContaining([lost, next].map(digitsOf)));
  again.stop();
});

it('sends 12,001 ends in three parts, as fast as they are taken, and what happens meanwhile between them', async () => {
  const rows = Array.from({ length: 12_001 }, end);
  feed.announce(rows);
  const messages: RevocationMessage[] = [];
  let take = (): void => undefined;
  const stop = stream.subscribe(undefined, {
    send: (message) => messages.push(message),
    drained: async () =>
      new Promise((resolve) => {
        take = resolve;
      }),
    fail: () => undefined,
  });
  await waitUntil(async () => messages.length === 1, 'the first part');
  const meanwhile = end();
  feed.announce([meanwhile]);
  await waitUntil(async () => messages.length === 2, 'what happened meanwhile');
  take();
  await waitUntil(async () => messages.length === 3, 'the second part');
  take();
  await waitUntil(async () => messages.length === 4, 'the last part');
  stop();
  const partOf = ({ token }: RevocationMessage): unknown => decodeJwt(token)['snapshot'];
  const id: unknown = expect.stringMatching(/^[\da-f-]{36}$/);
  expect(messages.map(partOf)).toEqual([
    { id, part: 1, parts: 3 },
    undefined,
    { id, part: 2, parts: 3 },
    { id, part: 3, parts: 3 },
  ]);
  const told = new Set(messages.flatMap(endedIn));
  expect([...rows, meanwhile].filter((row) => !told.has(digitsOf(row)))).toEqual([]);
  // Until it has all parts, a subscriber has no number to come back with.
  expect(messages.map(({ id: number }) => number !== undefined)).toEqual([false, false, false, true]);
  const back = await listen(messages.at(-1)?.id);
  await waitUntil(async () => back.messages.length > 0, 'what happened meanwhile, again');
  expect(back.messages.flatMap(endedIn)).toEqual([digitsOf(meanwhile)]);
  back.stop();
});

it('takes a snapshot again within half a minute, with what was told since: each may have tens of megabytes', async () => {
  const [first, second] = [end(), end()];
  feed.announce([first]);
  const snapshotOf = (messages: readonly RevocationMessage[]): unknown =>
    messages.map(({ token }) => decodeJwt(token)['snapshot']).find((part) => part !== undefined);
  const before = await snapshot();
  feed.announce([second]);
  const after = await listen();
  // The second one may still be on its way to be signed: then it comes after the snapshot, as a message of its own.
  const isTold = (row: RevocationRow): boolean => after.messages.flatMap(endedIn).includes(digitsOf(row));
  await waitUntil(async () => isTold(first) && isTold(second), 'both');
  expect(snapshotOf(after.messages)).toEqual(snapshotOf(before));
  after.stop();
});
