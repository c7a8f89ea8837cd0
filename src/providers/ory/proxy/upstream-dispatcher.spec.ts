import type { ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { StandIn } from '../../../../test/support/stand-in.js';
import { waitUntil } from '../../../../test/support/stack.js';
import { CircuitBreaker } from '../../../platform/upstream/circuit-breaker.js';
import { vendorTimeout } from '../../../platform/upstream/vendor-call.js';
import { UpstreamDispatcher } from './upstream-dispatcher.js';

/** An upstream that answers when the test lets it. */
const held: ServerResponse[] = [];
const upstream = new StandIn('');
let origin: string;
let breaker: CircuitBreaker;

beforeAll(async () => {
  upstream.say((_request, response) => {
    held.push(response);
    return true;
  });
  origin = await upstream.start();
});

afterAll(async () => upstream.stop());

beforeEach(() => {
  breaker = new CircuitBreaker('kratos');
  held.length = 0;
});

async function read(): Promise<string> {
  const dispatcher = UpstreamDispatcher.ofReads(1, breaker);
  const { body } = await promisify(dispatcher.request)({ origin, path: '/', method: 'GET' });
  return text(body);
}

/** Lets the upstream answer calls of our own every 200 ms. @returns what stops that. */
function answerOtherCalls(): () => void {
  const timer = setInterval(() => void breaker.runInTime(async () => 'an answer'), 200);
  return () => clearInterval(timer);
}

it('ends a read of an upstream that is silent as undici ends one', async () => {
  await expect(read()).rejects.toMatchObject({ code: 'UND_ERR_HEADERS_TIMEOUT' });
});

it('gives a read more time while the upstream answers other calls: it is busy, not away', async () => {
  const stop = answerOtherCalls();
  const answer = read();
  expect(await Promise.race([answer, setTimeout(vendorTimeout + 1000, 'still waiting')])).toBe(
    'still waiting',
  );
  held[0]?.end('a page');
  expect(await answer).toBe('a page');
  stop();
});

it('gives no more time than that of a busy upstream', async () => {
  const stop = answerOtherCalls();
  await expect(read()).rejects.toMatchObject({ code: 'UND_ERR_HEADERS_TIMEOUT' });
  stop();
});

it('says what went wrong with a connection', async () => {
  const breaking = waitUntil(() => held.length === 1, 'the request to arrive').then(() => held[0]?.destroy());
  await expect(read()).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' });
  await breaking;
});
