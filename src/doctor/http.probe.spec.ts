import { once } from 'node:events';
import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { answerLimit, ask, withLimit } from './http.probe.js';

/** Milliseconds. */
const slow = 500;
const server = createServer((_request, response) => void setTimeout(() => response.end('{}'), slow));
let url = '';

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

it('a slow answer is waited for nearly as long as the check may take', async () => {
  await expect(withLimit(60_000, () => ask(url))).resolves.toMatchObject({ status: 200, json: {} });
  const own = await withLimit(60_000, async () => answerLimit());
  expect([own, answerLimit()]).toEqual([54_000, 9000]);
});

it('an answer that takes longer than that is none', async () => {
  await expect(withLimit(100, () => ask(url))).rejects.toThrow('no answer in time');
});
