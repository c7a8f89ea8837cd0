import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Gateway, startGateway } from '../../../test/support/gateway.js';
import { waitUntil } from '../../../test/support/stack.js';
import { newId } from '../../platform/core/identifier.js';
import type { RevocationRow } from '../../platform/database/database.schema.js';
import { SigningKeyRing } from '../tokens/signing-key.ring.js';
import { RevocationFeed } from './revocation.feed.js';
import { type RevocationMessage, RevocationStream } from './revocation.stream.js';

let gateway: Gateway;
let feed: RevocationFeed;
let stream: RevocationStream;

beforeAll(async () => {
  gateway = await startGateway();
  feed = gateway.app.get(RevocationFeed, { strict: false });
  stream = gateway.app.get(RevocationStream, { strict: false });
});

afterAll(async () => gateway?.stop());

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

/** A subscriber, with what it has heard. */
async function listen(lastId?: string): Promise<{
  readonly messages: RevocationMessage[];
  readonly failures: () => number;
  readonly stop: () => void;
}> {
  const messages: RevocationMessage[] = [];
  let failures = 0;
  const stop = stream.subscribe(lastId, {
    send: (message) => messages.push(message),
    fail: () => (failures += 1),
  });
  if (lastId === undefined) {
    await waitUntil(async () => messages.length > 0, 'the snapshot');
  }
  return { messages, failures: () => failures, stop };
}

/** A subscriber who left knows a message, and misses the next one, which another hears. */
async function missOne() {
  const [first, other] = [await listen(), await listen()];
  const known = first.messages.at(-1)?.id;
  first.stop();
  const missed = end();
  feed.announce([missed]);
  await waitUntil(async () => other.messages.length === 2, 'the message');
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
    fail: () => undefined,
  });
  await waitUntil(async () => told.size === rows.length, 'every end to be told');
  expect([...told].toSorted()).toEqual(rows.map(digitsOf).toSorted());
  stop();
});

it('sends nothing that is too old to be believed', async () => {
  const { known, missed, other } = await missOne();
  gateway.shiftClock(185);
  const now = Math.floor(Date.now() / 1000) + 185;
  const ageOf = ({ token }: RevocationMessage): number => Math.abs(now - Number(decodeJwt(token).iat));
  expect(ageOf(await stream.snapshot())).toBeLessThan(30);
  const back = await listen(known);
  await waitUntil(async () => back.messages.length > 0, 'the snapshot');
  expect(back.messages.map(ageOf).every((age) => age < 30)).toBe(true);
  expect(back.messages.flatMap(endedIn)).toContain(digitsOf(missed));
  gateway.shiftClock(0);
  back.stop();
  other.stop();
});

it('takes nothing for known that came while there was no subscriber', async () => {
  const { id } = await stream.snapshot();
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
  await expect(stream.snapshot()).rejects.toThrow('no key');
  expect((await stream.snapshot()).token).toMatch(/^eyJ/);
});

it('tells a subscriber who comes back what was missed, and everything if there was no subscriber meanwhile', async () => {
  const { known, missed, other } = await missOne();
  const back = await listen(known);
  expect(back.messages.map(endedIn)).toEqual([[digitsOf(missed)]]);
  const last = back.messages.at(-1)?.id;
  back.stop();
  other.stop();
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
