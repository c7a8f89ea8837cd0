import { randomBytes } from 'node:crypto';
import Fastify from 'fastify';
import { expect, it } from 'vitest';
import { SteppedClock } from '../../../test/support/stepped.clock.js';
import { loadConfiguration } from '../../platform/config/configuration.js';
import { PurposeCipher } from '../../platform/crypto/purpose-cipher.js';
import { CookieWriter } from '../../platform/http/cookie-writer.js';
import { DeviceCookie } from './device-cookie.js';
import { ownFeatures } from '../../app/features.js';

const publicUrl = 'http://localhost:3000';
const closedUrl = 'http://127.0.0.1:2';
const newSecret = (): string => randomBytes(32).toString('hex');

/** A server under these secrets that makes its callers' browser known to an account, or says whether it is. */
function serverOf(secrets: readonly string[]) {
  const clock = new SteppedClock();
  const configuration = loadConfiguration(
    {
      PUBLIC_URL: publicUrl,
      SECRETS: secrets.join(','),
      DATABASE_URL: 'file::memory:',
      KRATOS_PUBLIC_URL: closedUrl,
      KRATOS_ADMIN_URL: closedUrl,
      HYDRA_PUBLIC_URL: closedUrl,
      HYDRA_ADMIN_URL: closedUrl,
    },
    ownFeatures,
  );
  const devices = new DeviceCookie(new CookieWriter(publicUrl), clock, configuration);
  const cipher = new PurposeCipher(configuration.SECRETS, 'test');
  const fastify = Fastify();
  fastify.get<{ Params: { account: string } }>('/add/:account', async (request, reply) => {
    devices.add(reply, cipher.signAll(request.params.account), clock.now());
    return '';
  });
  fastify.get<{ Params: { account: string; after: string } }>('/find/:account/:after', async (request) => {
    const { account, after } = request.params;
    return String(devices.find(request, cipher.signAll(account), Number(after)) !== undefined);
  });
  const ask = async (path: string, cookie: string) => fastify.inject({ path, headers: { cookie } });
  return {
    clock,
    /** @returns the browser's cookie afterwards. */
    add: async (account: string, cookie = ''): Promise<string> => {
      const [set] = [(await ask(`/add/${account}`, cookie)).headers['set-cookie']].flat();
      return set?.split(';', 1)[0] ?? '';
    },
    knows: async (cookie: string, account: string, after = 0): Promise<boolean> =>
      (await ask(`/find/${account}/${after}`, cookie)).body === 'true',
  };
}

it('a browser is known to eight accounts, the latest: four users with a second factor', async () => {
  const { add, knows } = serverOf([newSecret()]);
  const accounts = Array.from({ length: 8 }, (_, index) => `a${index}`);
  let cookie = '';
  for (const account of accounts) {
    cookie = await add(account, cookie);
  }
  const known = async (): Promise<boolean[]> =>
    Promise.all(accounts.map(async (account) => knows(cookie, account)));
  expect(await known()).toEqual(accounts.map(() => true));
  cookie = await add('another', cookie);
  expect(await known()).toEqual(accounts.map((account) => account !== 'a0'));
});

it('a browser stays known when the secrets are rotated, and its account takes no second place', async () => {
  const [old, next] = [newSecret(), newSecret()];
  const first = await serverOf([old]).add('a');
  const rotated = serverOf([next, old]);
  expect([await rotated.knows(first, 'a'), await rotated.knows(first, 'b')]).toEqual([true, false]);
  let cookie = await rotated.add('a', first);
  for (const account of ['b', 'c', 'd', 'e', 'f', 'g', 'h']) {
    cookie = await rotated.add(account, cookie);
  }
  expect([await rotated.knows(cookie, 'a'), await rotated.knows(cookie, 'h')]).toEqual([true, true]);
  expect(await serverOf([next]).knows(first, 'a')).toBe(false);
});

it('a browser is known for 90 days, and only by logins after a given moment', async () => {
  const { clock, add, knows } = serverOf([newSecret()]);
  const start = clock.time;
  const cookie = await add('a');
  expect([await knows(cookie, 'a', start), await knows(cookie, 'a', start + 1)]).toEqual([true, false]);
  clock.time = start + 90 * 86_400_000;
  expect(await knows(cookie, 'a')).toBe(true);
  clock.time += 1;
  expect(await knows(cookie, 'a')).toBe(false);
});
