import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Gateway, type GatewayRequest, startGateway } from '../support/gateway.js';

let gateway: Gateway;
let port: number;

beforeAll(async () => {
  gateway = await startGateway();
  await gateway.app.listen(0, '127.0.0.1');
  const address: unknown = gateway.app.getHttpServer().address();
  port = Number(typeof address === 'object' && address !== null ? Reflect.get(address, 'port') : 0);
});

afterAll(async () => {
  await gateway?.stop();
});

/** Status and code of an answer, and that it's problem+json. */
async function refusal(path: string, request: GatewayRequest = {}): Promise<readonly [number, unknown]> {
  const answer = await gateway.request(path, request);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  const body = answer.json();
  return [answer.status, typeof body === 'object' && body !== null ? Reflect.get(body, 'code') : undefined];
}

const json = { 'content-type': 'application/json' };
const post = (body: string, headers: Readonly<Record<string, string>> = json): GatewayRequest => ({
  method: 'POST',
  headers,
  body,
});

/** Bytes on a socket, as they are. @returns everything that came back. */
async function send(bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let received = '';
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    received += text;
  });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.end(bytes, 'latin1');
  await once(socket, 'close');
  return received;
}

const host = 'Host: auth.example.test\r\n';

describe('bodies', () => {
  it('of more than 64 KiB are 413, whatever is in them [W07]', async () => {
    const large = JSON.stringify({ accessToken: 'a'.repeat(65_536) });
    expect(await refusal('/auth/login', post(large))).toEqual([413, 'payload_too_large']);
    expect(await refusal('/auth/login', post('a'.repeat(10_000_000)))).toEqual([413, 'payload_too_large']);
  });

  it.each([
    '{',
    '{"accessToken":',
    'accessToken=1',
    "{'a':1}",
    '{"a":1}}',
    '\u0000',
    '{"a":\u0000}',
    'NaN',
    '\uFEFF',
  ])('malformed JSON %j is 400', async (body) => {
    expect(await refusal('/auth/login', post(body))).toEqual([400, 'malformed_request']);
  });

  it.each([
    '{"__proto__":{"admin":true},"accessToken":"x"}',
    '{"accessToken":{"__proto__":{"admin":true}}}',
    '{"constructor":{"prototype":{"admin":true}},"accessToken":"x"}',
    '{"\\u005f_proto__":{"admin":true},"accessToken":"x"}',
  ])('%s is 400 and changes no prototype [W06]', async (body) => {
    expect((await refusal('/auth/login', post(body)))[0]).toBe(400);
    expect(Reflect.get({}, 'admin')).toBeUndefined();
  });

  it.each([
    ['array', '['.repeat(10_000) + ']'.repeat(10_000)],
    ['object', '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000)],
    ['unfinished array', '['.repeat(60_000)],
    ['value', `{"accessToken":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
  ])('JSON 10,000 deep (%s) is 400, and the process goes on [W07]', async (_what, body) => {
    expect((await refusal('/auth/login', post(body)))[0]).toBe(400);
    expect((await gateway.request('/health/live')).status).toBe(200);
  });

  it.each([
    '[]',
    'null',
    '1',
    '"text"',
    '{}',
    '{"accessToken":""}',
    '{"accessToken":1}',
    '{"accessToken":["a"]}',
    '{"accessToken":"a","more":1}',
  ])('JSON of another shape (%s) is 400 and names fields, not values', async (body) => {
    expect(await refusal('/auth/login', post(body))).toEqual([400, 'validation_failed']);
  });

  it('a rejected value is not sent back', async () => {
    const answer = await gateway.request('/auth/login', post('{"accessToken":"x","c4n4ry":"c4n4ry-value"}'));
    expect(answer.text).not.toContain('c4n4ry-value');
    const long = await gateway.request('/auth/login', post(`{"accessToken":"${'c4n4ry'.repeat(2000)}"}`));
    expect([long.status, long.text.includes('c4n4ry')]).toEqual([400, false]);
  });

  it.each(['text/plain', 'multipart/form-data; boundary=x', 'application/xml', 'text/json', '', 'x'])(
    'content type %j is 415',
    async (type) => {
      const body = '{"accessToken":"x"}';
      expect(await refusal('/auth/login', post(body, { 'content-type': type }))).toEqual([
        415,
        'unsupported_media_type',
      ]);
    },
  );
});

describe('paths', () => {
  it('that do not exist are 404', async () => {
    for (const path of [
      '/nothing',
      '/auth',
      '/auth/login/',
      '//auth/login',
      '/API/v1/me',
      '/api/v1/me/..',
      '/api/v1/me;x',
    ]) {
      expect(await refusal(path)).toEqual([404, 'not_found']);
    }
  });

  it.each(['/%', '/%zz', '/%E0%A4%A', '/auth/%', '/assets/%ff', '/%c0%af', '/ory/kratos/%'])(
    'bad percent-encoding (%s) is 400 in our own words, without the path, with security headers',
    async (path) => {
      expect(await refusal(path)).toEqual([400, 'malformed_request']);
      const answer = await gateway.request(path, {
        headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate' },
      });
      expect(answer.status).toBe(400);
      expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
      expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
      expect(answer.headers['x-content-type-options']).toBe('nosniff');
      expect(answer.text).not.toContain(path.slice(1));
    },
  );

  it('another method is 405 with Allow', async () => {
    const asked = [
      ['DELETE', '/auth/login', 'GET, HEAD, POST'],
      ['GET', '/auth/logout', 'POST'],
      ['POST', '/api/v1/me', 'GET, HEAD, PATCH, DELETE'],
      ['PUT', '/auth/session', 'GET, HEAD'],
      ['PATCH', '/health/live', 'GET, HEAD'],
      ['OPTIONS', '/api/v1/me', 'GET, HEAD, PATCH, DELETE'],
    ] as const;
    for (const [method, path, allow] of asked) {
      const answer = await gateway.request(path, { method });
      expect([answer.status, answer.headers['allow']]).toEqual([405, allow]);
    }
  });

  it('a path of 10 kB, and a parameter of 10 kB, are an error and not a crash', async () => {
    expect((await gateway.request(`/${'a'.repeat(10_000)}`)).status).toBe(404);
    expect((await gateway.request(`/assets/${'a'.repeat(10_000)}`)).status).toBeGreaterThanOrEqual(400);
    expect((await gateway.request(`/assets/${'a'.repeat(10_000)}`)).status).toBeLessThan(500);
  });
});

describe('raw HTTP', () => {
  it('has ten seconds for headers, and fifteen for a whole request', () => {
    expect(gateway.app.getHttpServer()).toMatchObject({ headersTimeout: 10_000, requestTimeout: 15_000 });
  });

  it('a header of 64 kB is 431 [W07]', async () => {
    const answer = await send(`GET / HTTP/1.1\r\n${host}Cookie: ${'a'.repeat(65_536)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('a header named __proto__ or constructor does nothing [W06]', async () => {
    const answer = await send(
      `GET /health/live HTTP/1.1\r\n${host}__proto__: admin\r\nconstructor: x\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(Reflect.get({}, 'admin')).toBeUndefined();
  });

  it('Content-Length and Transfer-Encoding together are 400 [W09]', async () => {
    const answer = await send(
      `POST /auth/logout HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/v1/me HTTP/1.1\r\n${host}\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  it('bytes that are no HTTP are 400, and the process goes on', async () => {
    expect(await send('\u0016\u0003\u0001\u0002\u0000\u0001\u0000\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await send(`GET / HTTP/1.1\r\n${host}Bad Header: x\r\n\r\n`)).toMatch(/^HTTP\/1\.1 400 /);
    expect((await gateway.request('/health/live')).status).toBe(200);
  });

  it('a foreign Host is 421, and none or two are refused', async () => {
    const statusOf = async (headers: string): Promise<string> =>
      (await send(`GET /api/v1/me HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`)).slice(9, 12);
    expect(await statusOf('Host: evil.test\r\n')).toBe('421');
    expect(await statusOf('Host: auth.example.test.evil.test\r\n')).toBe('421');
    expect(await statusOf('Host: evil.test\r\nX-Forwarded-Host: auth.example.test\r\n')).toBe('421');
    expect(await statusOf('')).toBe('400');
    expect(await statusOf(`${host}Host: evil.test\r\n`)).toMatch(/^4(?:00|21|01)$/);
    expect(await statusOf(host)).toBe('401');
  });
});
