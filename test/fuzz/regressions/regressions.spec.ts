import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FuzzedGateway, startFuzzedGateway } from '../fuzzed.gateway.js';
import { sendBytes } from '../wire.client.js';
import { httpRegressions } from './http.regressions.js';

let fuzzed: FuzzedGateway;

beforeAll(async () => {
  fuzzed = await startFuzzedGateway();
});

afterAll(async () => {
  await fuzzed?.stop();
});

describe('what the fuzzer has found', () => {
  it.each(httpRegressions)('$name', async ({ sent, status, code }) => {
    const route = {
      method: sent.method,
      path: sent.target.split('?', 1)[0] ?? '',
      query: {},
      mayBeUnavailable: false,
    };
    const { answer, faults } = await fuzzed.send(route, sent);
    expect([answer.status, answer.body, faults]).toEqual([
      status,
      expect.stringContaining(`"code":"${code}"`),
      [],
    ]);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('bytes that are no HTTP: were answered in the words of Fastify', async () => {
    const answer = await sendBytes(fuzzed.port, Buffer.from('\u0016\u0003\u0001\r\n\r\n', 'latin1'));
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(JSON.parse(answer.body)).toMatchObject({ status: 400, code: 'malformed_request' });
  });

  it('a header of 70 kB: the same, with the status that says what is too large', async () => {
    const bytes = `GET / HTTP/1.1\r\nHost: auth.example.test\r\nCookie: ${'a'.repeat(70_000)}\r\n\r\n`;
    const answer = await sendBytes(fuzzed.port, Buffer.from(bytes));
    expect(answer.status).toBe(431);
    expect(JSON.parse(answer.body)).toMatchObject({ status: 431, code: 'malformed_request' });
  });
});
