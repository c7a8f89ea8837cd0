import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insidesIn } from './answer.rules.js';
import { fuzz } from './fuzz.settings.js';
import { type FuzzedGateway, startFuzzedGateway } from './fuzzed.gateway.js';
import { sendBytes } from './wire.client.js';

const head = 'Host: auth.example.test\r\nConnection: close\r\n';
const whole = `POST /auth/login HTTP/1.1\r\n${head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`;

/** Requests that are broken where HTTP itself is. Each ends as a whole: no case waits for the gateway's timeout. */
const broken = fc.oneof(
  fc.constantFrom(
    'GET /\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    'GET\r\n\r\n',
    `GET /${' '.repeat(10)}x HTTP/1.1\r\n${head}\r\n`,
    `GET / HTTP/1.1\r\n${head}X: a\rb\r\n\r\n`,
    `GET / HTTP/1.1\r\n${head}X: a\0b\r\n\r\n`,
    `GET / HTTP/1.1\r\n${head} folded: x\r\n\r\n`,
    `GET / HTTP/1.1\r\n${head}: empty\r\n\r\n`,
    `GET / HTTP/1.1\r\n${head}Content-Length: -1\r\n\r\n`,
    `GET / HTTP/1.1\r\n${head}Content-Length: 1, 2\r\n\r\n`,
    `GET / HTTP/1.1\r\n${head}Content-Length: 99999999999999999999\r\n\r\n`,
    `POST /auth/login HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n`,
    `POST /auth/login HTTP/1.1\r\n${head}Transfer-Encoding: gzip, chunked, chunked\r\n\r\n0\r\n\r\n`,
    `POST /auth/login HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n`,
    `POST /auth/login HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n`,
    `POST /auth/login HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(20_000)}\r\n`,
    `GET / HTTP/1.1\r\n${head}X: ${'a'.repeat(70_000)}\r\n\r\n`,
    `GET / HTTP/1.1\r\n${head}${'X: a\r\n'.repeat(3000)}\r\n`,
    `GET /${'a'.repeat(70_000)} HTTP/1.1\r\n${head}\r\n`,
    `GET http://evil.test/ HTTP/1.1\r\n${head}\r\n`,
    `GET https://auth.example.test/auth/session HTTP/1.1\r\n${head}\r\n`,
    `GET * HTTP/1.1\r\n${head}\r\n`,
    `OPTIONS * HTTP/1.1\r\n${head}\r\n`,
    `CONNECT evil.test:443 HTTP/1.1\r\n${head}\r\n`,
    `TRACE / HTTP/1.1\r\n${head}\r\n`,
    `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
    `GET / HTTP/1.1\r\n${head}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
    `GET / HTTP/1.1\r\n${head}Upgrade: h2c\r\nHTTP2-Settings: x\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n`,
  ),
  // A right request with some of its bytes replaced, and an end that no parser can take for a part of it.
  fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }).map((changes) => {
    const bytes = Buffer.from(whole, 'latin1');
    for (const [at, byte] of changes) {
      bytes[at] = byte;
    }
    return bytes.toString('latin1');
  }),
  fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
);

let fuzzed: FuzzedGateway;

beforeAll(async () => {
  fuzzed = await startFuzzedGateway();
});

afterAll(async () => {
  await fuzzed?.stop();
});

describe('bytes that are no right HTTP', () => {
  it('are refused without a word of the inside, and the process goes on', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(broken, async (text) => {
        const answer = await sendBytes(fuzzed.port, Buffer.from(text, 'latin1'), { isWhole: true });
        // Nothing at all is an answer to bytes that never became a request.
        expect(answer.raw === '' || (answer.status >= 200 && answer.status < 500)).toBe(true);
        expect(insidesIn(answer.raw)).toEqual([]);
      }),
      { seed: fuzz.seed, numRuns: fuzz.runs * 12 },
    );
    expect((await fuzzed.gateway.request('/health/live')).status).toBe(200);
  });
});
