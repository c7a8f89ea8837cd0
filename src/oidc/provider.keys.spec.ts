import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, jwtVerify, SignJWT } from 'jose';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ProviderKeys } from './provider.keys.js';

const minute = 60_000;
const hour = 60 * minute;

let server: Server;
let published: JWK[];
let fetches: number;
let isDown: boolean;
let keys: ProviderKeys;
let signing: CryptoKey;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  const pair = await generateKeyPair('ES256');
  signing = pair.privateKey;
  published = [{ ...(await exportJWK(pair.publicKey)), kid: 'first', alg: 'ES256' }];
  fetches = 0;
  isDown = false;
  server = createServer((request, response) => {
    fetches += 1;
    if (isDown) {
      request.destroy();
    } else {
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: published }));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  keys = new ProviderKeys(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/jwks.json`);
});

afterEach(async () => {
  vi.useRealTimers();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

async function verifies(kid: string, key = signing): Promise<boolean> {
  const token = await new SignJWT({ sub: 'ada' }).setProtectedHeader({ alg: 'ES256', kid }).sign(key);
  return jwtVerify(token, keys.find).then(
    () => true,
    () => false,
  );
}

it('keys are fetched once for many tokens', async () => {
  for (let count = 0; count < 50; count += 1) {
    expect(await verifies('first')).toBe(true);
  }
  expect(fetches).toBe(1);
});

/** A token of the header alone: to make 10,000 signatures takes longer than to refuse them. */
async function unknownTokens(count: number): Promise<readonly string[]> {
  const [, rest] = (
    await new SignJWT({ sub: 'ada' }).setProtectedHeader({ alg: 'ES256' }).sign(signing)
  ).split(/\.(.*)/s);
  return Array.from({ length: count }, (_, index) => {
    const header = JSON.stringify({ alg: 'ES256', kid: `unknown-${index}` });
    return `${Buffer.from(header).toString('base64url')}.${rest}`;
  });
}

/** Publishes a key more. @returns the one that signs with it. */
async function rotate(kid: string): Promise<CryptoKey> {
  const next = await generateKeyPair('ES256');
  published = [...published, { ...(await exportJWK(next.publicKey)), kid, alg: 'ES256' }];
  return next.privateKey;
}

it('of 10,000 tokens with unknown key ids, one in five seconds causes a fetch [T06]', async () => {
  expect(await verifies('first')).toBe(true);
  vi.advanceTimersByTime(6000);
  for (const token of await unknownTokens(10_000)) {
    await expect(jwtVerify(token, keys.find)).rejects.toThrow();
    vi.advanceTimersByTime(2);
  }
  // 20 seconds: at once, and when 5, 10 and 15 are over.
  expect(fetches).toBe(1 + 4);
});

it('10,000 tokens with unknown key ids at once cause one fetch, and most are refused without it [T06]', async () => {
  expect(await verifies('first')).toBe(true);
  vi.useRealTimers();
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout'] });
  let refusedAtOnce = 0;
  const answers = (await unknownTokens(10_000)).map(async (token) =>
    jwtVerify(token, keys.find).catch(() => (refusedAtOnce += 1)),
  );
  await vi.waitUntil(() => refusedAtOnce >= 9900);
  expect(fetches).toBe(1);
  await vi.advanceTimersByTimeAsync(5001);
  await Promise.all(answers);
  expect(fetches).toBe(2);
});

it('a key that was rotated in a moment after a fetch is found: its tokens wait for the next fetch and are none refused', async () => {
  vi.useRealTimers();
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout'] });
  expect(await verifies('first')).toBe(true);
  const key = await rotate('second');
  const answers = Array.from({ length: 50 }, async () => verifies('second', key));
  const own = keys.verifyOwn(async (find) =>
    jwtVerify(await new SignJWT({}).setProtectedHeader({ alg: 'ES256', kid: 'second' }).sign(key), find),
  );
  await vi.advanceTimersByTimeAsync(5001);
  expect(new Set(await Promise.all(answers))).toEqual(new Set([true]));
  expect((await own).protectedHeader.kid).toBe('second');
  expect(fetches).toBe(2);
});

it('while made-up key ids keep the key set from being fetched, a token of the provider’s own waits and is taken', async () => {
  vi.useRealTimers();
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout'] });
  expect(await verifies('first')).toBe(true);
  vi.advanceTimersByTime(6000);
  expect(await verifies('made-up')).toBe(false);
  const key = await rotate('second');
  expect(await verifies('second', key)).toBe(false);
  const token = await new SignJWT({}).setProtectedHeader({ alg: 'ES256', kid: 'second' }).sign(key);
  const own = keys.verifyOwn(async (find) => jwtVerify(token, find));
  await vi.advanceTimersByTimeAsync(5001);
  expect((await own).protectedHeader.kid).toBe('second');
});

it('a key that was replaced under the same id is found for a token of the provider’s own', async () => {
  expect(await verifies('first')).toBe(true);
  published = [];
  const key = await rotate('first');
  vi.advanceTimersByTime(6000);
  const token = await new SignJWT({}).setProtectedHeader({ alg: 'ES256', kid: 'first' }).sign(key);
  expect((await keys.verifyOwn(async (find) => jwtVerify(token, find))).protectedHeader.kid).toBe('first');
});

it('a key that was rotated in is found at once when the last fetch is five seconds ago', async () => {
  expect(await verifies('first')).toBe(true);
  const key = await rotate('second');
  vi.advanceTimersByTime(5001);
  expect(await verifies('second', key)).toBe(true);
  expect(fetches).toBe(2);
});

it('a key that was taken away is no longer believed after ten minutes', async () => {
  expect(await verifies('first')).toBe(true);
  published = [];
  vi.advanceTimersByTime(11 * minute);
  expect(await verifies('first')).toBe(false);
});

it('while the keys cannot be fetched, known ones hold for a day, asked for once in five seconds at most [F04]', async () => {
  expect(await verifies('first')).toBe(true);
  isDown = true;
  vi.advanceTimersByTime(23 * hour);
  for (let count = 0; count < 20; count += 1) {
    expect(await verifies('first')).toBe(true);
  }
  expect(fetches).toBe(2);
  vi.advanceTimersByTime(2 * hour);
  expect(await verifies('first')).toBe(false);
});
