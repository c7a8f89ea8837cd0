import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { type RedisServer, startRedis } from '../../../test/support/redis.server.js';
import { waitUntil } from '../../../test/support/stack.js';
import { RedisChannel } from './redis-channel.js';

let frozen: RedisServer;
let sound: RedisServer;
let channel: RedisChannel | undefined;

beforeEach(async () => {
  frozen = await startRedis(inject('redisServerPath'));
  sound = await startRedis(inject('redisServerPath'));
});

afterEach(async () => {
  await channel?.close();
  await frozen?.remove();
  await sound?.remove();
});

it('a server that accepts a connection and never answers is left for another one', async () => {
  // Both connections begin at the one that runs, so each tries the other one next.
  await frozen.kill();
  channel = new RedisChannel({ REDIS_URL: [frozen.url, sound.url], REDIS_CLUSTER: true }, 'a');
  const is = (wanted: string) => (): boolean => channel?.state === wanted;
  await waitUntil(is('connected'), 'the channel');
  await frozen.start();
  frozen.freeze();
  await sound.kill();
  await waitUntil(is('disconnected'), 'the loss to be seen');
  await sound.start();
  await waitUntil(is('connected'), 'the other server to be tried', 20_000);
  expect(channel.state).toBe('connected');
});
