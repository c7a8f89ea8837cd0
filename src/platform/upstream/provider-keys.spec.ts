import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type CryptoKey, errors, exportJWK, generateKeyPair, type JWK, jwtVerify, SignJWT } from 'jose';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ProviderKeys } from './provider-keys.js';

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

async function tokenOf(kid: string, key: CryptoKey): Promise<string> {
  return new SignJWT({ sub: 'ada' }).setProtectedHeader({ alg: 'ES256', kid }).sign(key);
}

async function isAccepted(token: string): Promise<boolean> {
  return jwtVerify(token, keys.find).then(
    () => true,
    () => false,
  );
}

async function verifies(kid: string, key = signing): Promise<boolean> {
  return isAccepted(await tokenOf(kid, key));
}

it('keys are fetched once for many tokens', async () => {
  for (let count = 0; count < 50; count += 1) {
    expect(await verifies('first')).toBe(true);
  }
  expect(fetches).toBe(1);
});

/** Tokens with a header only: making 10,000 signatures takes longer than refusing them. */
async function unknownTokens(count: number): Promise<readonly string[]> {
  const [, rest] = (
    await new SignJWT({ sub: 'ada' }).setProtectedHeader({ alg: 'ES256' }).sign(signing)
  ).split(/\.(.*)/s);
  return Array.from({ length: count }, (_, index) => {
    const header = JSON.stringify({ alg: 'ES256', kid: `unknown-${index}` });
    return `${Buffer.from(header).toString('base64url')}.${rest}`;
  });
}

/** Publishes another key. @returns its private key. */
async function rotate(kid: string): Promise<CryptoKey> {
  const next = await generateKeyPair('ES256');
  published = [...published, { ...(await exportJWK(next.publicKey)), kid, alg: 'ES256' }];
  return next.privateKey;
}

/** Moves the clock on until something has settled: on a busy machine, those who wait for the next fetch don't begin at once. */
async function asTimePasses<T>(promise: Promise<T>): Promise<T> {
  const progress = { isSettled: false };
  const settle = (): void => {
    progress.isSettled = true;
  };
  void promise.then(settle, settle);
  while (!progress.isSettled) {
    await vi.advanceTimersByTimeAsync(1000);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  return promise;
}

it('of 10,000 tokens with unknown key ids, one in five seconds causes a fetch [T06]', async () => {
  expect(await verifies('first')).toBe(true);
  vi.advanceTimersByTime(6000);
  for (const token of await unknownTokens(10_000)) {
    await expect(jwtVerify(token, keys.find)).rejects.toThrow();
    vi.advanceTimersByTime(2);
  }
  // In 20 seconds: at once, and after 5, 10 and 15 seconds.
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
  // Signed before the clock moves: making a signature takes a busy machine longer than moving it.
  const token = await tokenOf('second', key);
  const answers = Array.from({ length: 50 }, async () => isAccepted(token));
  const own = keys.verifyOwn(async (find) => jwtVerify(token, find));
  expect(new Set(await asTimePasses(Promise.all(answers)))).toEqual(new Set([true]));
  expect((await asTimePasses(own)).protectedHeader.kid).toBe('second');
  // One for all of them, and one for who failed to find the key just before.
  expect(fetches).toBeLessThanOrEqual(3);
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
  expect((await asTimePasses(own)).protectedHeader.kid).toBe('second');
});

it('a key that was replaced under the same id is found for a token of the provider’s own', async () => {
  expect(await verifies('first')).toBe(true);
  published = [];
  const key = await rotate('first');
  vi.advanceTimersByTime(6000);
  const token = await new SignJWT({}).setProtectedHeader({ alg: 'ES256', kid: 'first' }).sign(key);
  expect((await keys.verifyOwn(async (find) => jwtVerify(token, find))).protectedHeader.kid).toBe('first');
});

it('a token of the provider’s own that states another key’s id is verified with the key that signed it', async () => {
  expect(await verifies('first')).toBe(true);
  const key = await rotate('second');
  for (const kid of ['first', 'gone']) {
    vi.advanceTimersByTime(6000);
    const token = await tokenOf(kid, key);
    expect((await keys.verifyOwn(async (find) => jwtVerify(token, find))).payload.sub).toBe('ada');
    expect(await isAccepted(token)).toBe(false);
  }
});

it('a published key that is of no use keeps no other from being found or fetched', async () => {
  const weak = { kty: 'RSA', kid: 'weak', alg: 'RS256', n: 'AQAB', e: 'AQAB' };
  published = [
    weak,
    { ...weak, kid: 'weak-too', alg: 'ES256', kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' },
    ...published,
  ];
  expect(await verifies('first')).toBe(true);
  const key = await rotate('second');
  vi.advanceTimersByTime(6000);
  const token = await tokenOf('second', key);
  expect((await keys.verifyOwn(async (find) => jwtVerify(token, find))).protectedHeader.kid).toBe('second');
});

it('a token of the provider’s own that no published key has signed is refused', async () => {
  vi.useRealTimers();
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout'] });
  await rotate('second');
  const token = await tokenOf('first', (await generateKeyPair('ES256')).privateKey);
  const own = keys.verifyOwn(async (find) => jwtVerify(token, find)).catch((error: unknown) => error);
  expect(await asTimePasses(own)).toBeInstanceOf(errors.JWSSignatureVerificationFailed);
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
