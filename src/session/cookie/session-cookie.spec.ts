import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainConfiguration } from '../../../test/support/gateway.js';
import { CookieWriter } from '../../platform/http/cookie-writer.js';
import { Telemetry } from '../../platform/telemetry/telemetry.js';
import { cookieTextOf } from './decrypted-cookie.js';
import { SessionCookie } from './session-cookie.js';

/** Bytes of the cookie's name, its attributes, and the key id with its dot. */
const around = '__Host-vestibule'.length + 80 + 9;
/** Bytes of nonce and tag. */
const overhead = 24 + 16;
/** A token whose text has this many bytes when encrypted. */
const tokenOfLength = (bytes: number): string => {
  const payload = 'x'.repeat(bytes - cookieTextOf('a..c').length);
  return `a.${Buffer.from(payload).toString('base64url')}.c`;
};

const cookie = new SessionCookie(
  new CookieWriter('https://auth.example.test'),
  new Telemetry(),
  plainConfiguration(),
);
const fastify = Fastify();

beforeAll(async () => {
  fastify.get('/found', (request) => ({ value: cookie.find(request) ?? null }));
  fastify.get('/read', (request) => ({ value: cookie.read(request) ?? null }));
  fastify.get('/write', (request, reply) => {
    cookie.write(reply, String(Reflect.get(Object(request.query), 'token')));
    return {};
  });
  await fastify.ready();
});

afterAll(() => fastify.close());

async function valueAt(path: string, header?: string): Promise<unknown> {
  const headers = header === undefined ? {} : { cookie: header };
  return Reflect.get(Object((await fastify.inject({ path, headers })).json()), 'value');
}

describe('the session cookie', () => {
  it('holds the token that was written into it, and nothing else', async () => {
    const answer = await fastify.inject('/write?token=a.eyJiIjoxfQ.c');
    const [pair = ''] = String(answer.headers['set-cookie']).split(';', 1);
    expect(pair).toMatch(/^__Host-vestibule=[\w-]{8}\.[\w-]+$/);
    expect(await valueAt('/read', pair)).toBe('a.eyJiIjoxfQ.c');
    expect([await valueAt('/read'), await valueAt('/read', `${pair}x`)]).toEqual([null, null]);
  });

  it('may have 4,096 bytes when it comes, and none more', async () => {
    const longest = 'x'.repeat(4096);
    expect(await valueAt('/found', `__Host-vestibule=${longest}`)).toBe(longest);
    expect(await valueAt('/found', `__Host-vestibule=${longest}x`)).toBeNull();
    expect(await valueAt('/found', 'another=x')).toBeNull();
  });

  it('takes 4,096 bytes with its name and attributes, and none more: else it is session_too_large', async () => {
    const room = Math.floor(((4096 - around) / 4) * 3) - overhead;
    const longest = tokenOfLength(room);
    expect(() => cookie.requireFit(longest)).not.toThrow();
    expect((await fastify.inject(`/write?token=${longest}`)).statusCode).toBe(200);
    expect(() => cookie.requireFit(tokenOfLength(room + 1))).toThrow(
      expect.objectContaining({ code: 'session_too_large', detail: 'It would take 4097 bytes.' }),
    );
  });
});
