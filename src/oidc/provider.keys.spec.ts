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

it('of 10,000 tokens with unknown key ids, within 30 seconds, one causes a fetch [T06]', async () => {
  expect(await verifies('first')).toBe(true);
  vi.advanceTimersByTime(31_000);
  const [, rest] = (
    await new SignJWT({ sub: 'ada' }).setProtectedHeader({ alg: 'ES256' }).sign(signing)
  ).split(/\.(.*)/s);
  for (let count = 0; count < 10_000; count += 1) {
    const header = Buffer.from(JSON.stringify({ alg: 'ES256', kid: `unknown-${count}` })).toString(
      'base64url',
    );
    await expect(jwtVerify(`${header}.${rest}`, keys.find)).rejects.toThrow();
    vi.advanceTimersByTime(2);
  }
  expect(fetches).toBe(2);
  vi.advanceTimersByTime(31_000);
  expect(await verifies('unknown')).toBe(false);
  expect(fetches).toBe(3);
});

it('a key that was rotated in is found', async () => {
  expect(await verifies('first')).toBe(true);
  const next = await generateKeyPair('ES256');
  published.push({ ...(await exportJWK(next.publicKey)), kid: 'second', alg: 'ES256' });
  vi.advanceTimersByTime(31_000);
  expect(await verifies('second', next.privateKey)).toBe(true);
});

it('a key that was taken away is no longer believed after ten minutes', async () => {
  expect(await verifies('first')).toBe(true);
  published = [];
  vi.advanceTimersByTime(11 * minute);
  expect(await verifies('first')).toBe(false);
});

it('while the keys cannot be fetched, known ones hold for a day, asked for once in 30 seconds at most [F04]', async () => {
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
