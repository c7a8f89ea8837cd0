import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type Socket, connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectionsAtOnce } from '../../../src/providers/ory/proxy/ory-proxy.js';
import { type GatewayProcess, startGatewayProcess } from '../../support/gateway.process.js';
import { type Stack, startStack, waitUntil } from '../../support/stack.js';
import { type RawRequest, rawRequest } from '../../support/raw.request.js';
import { StandIn } from '../../support/stand-in.js';

const page = '/ory/kratos/self-service/login/browser';
const keys = '/ory/hydra/.well-known/jwks.json';
const callers = 10;
const atOnce = (name: string): number => connectionsAtOnce[name.includes('Kratos') ? 'kratos' : 'hydra'];
const held: ServerResponse[] = [];
let stack: Stack;
let kratos: StandIn;
let hydra: StandIn;
/** A process, because an error that nothing catches ends one. */
let gateway: GatewayProcess;
let pid: number;

beforeAll(async () => {
  stack = await startStack();
  kratos = new StandIn(stack.env['KRATOS_PUBLIC_URL'] ?? '');
  hydra = new StandIn(stack.env['HYDRA_PUBLIC_URL'] ?? '');
  gateway = await startGatewayProcess({
    ...stack.env,
    KRATOS_PUBLIC_URL: await kratos.start(),
    HYDRA_PUBLIC_URL: await hydra.start(),
  });
  pid = gateway.pid();
});

afterEach(() => {
  held.length = 0;
  kratos.say(undefined);
  hydra.say(undefined);
});

afterAll(async () => {
  await gateway?.stop();
  await kratos?.stop();
  await hydra?.stop();
  await stack?.stop();
});

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const requests: readonly [string, RawRequest][] = [
  ['a page of Kratos', { path: page }],
  [
    'a form for Kratos',
    {
      path: '/ory/kratos/self-service/recovery?flow=9a3b',
      method: 'POST',
      headers: form,
      body: 'method=code&email=left%40example.com',
    },
  ],
  ['the keys of Hydra', { path: keys }],
  [
    'a token request for Hydra',
    { path: '/ory/hydra/oauth2/token', method: 'POST', headers: form, body: 'grant_type=client_credentials' },
  ],
];

const standInOf = (name: string): StandIn => (name.includes('Kratos') ? kratos : hydra);

async function ask({ headers, ...rest }: RawRequest): Promise<Response> {
  return rawRequest(gateway.url, { ...rest, headers: { host: new URL(stack.url).host, ...headers } });
}

async function expectToGoOn(): Promise<void> {
  expect((await ask({ path: '/health/live' })).status).toBe(200);
  // The circuits close again.
  for (const path of [page, keys]) {
    await waitUntil(async () => (await ask({ path })).status < 400, `an answer to ${path}`, 10_000);
  }
  expect(gateway.pid()).toBe(pid);
}

describe.each(requests)('%s', (name, request) => {
  it('callers who leave before the answer: the gateway goes on [F17]', async () => {
    standInOf(name).say((_request, response) => held.push(response) > 0);
    const leaving = new AbortController();
    const asked = Promise.allSettled(
      Array.from({ length: callers }, () => ask({ ...request, signal: leaving.signal })),
    );
    await waitUntil(() => held.length === atOnce(name), 'as many requests as go at once', 10_000);
    leaving.abort();
    expect((await asked).filter(({ status }) => status === 'fulfilled')).toEqual([]);
    standInOf(name).say(undefined);
    for (const response of held) {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    }
    await expectToGoOn();
  });

  it('an answer that breaks off: the caller sees it, and the gateway goes on [F17]', async () => {
    standInOf(name).say((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"half":', () => response.socket?.destroy());
      return true;
    });
    const answers = await Promise.allSettled(Array.from({ length: callers }, () => ask(request)));
    expect(answers.filter((answer) => answer.status === 'fulfilled' && answer.value.ok)).toEqual([]);
    standInOf(name).say(undefined);
    await expectToGoOn();
  });
});

/** Sends requests in one go, on a connection of their own. */
function pipeline(paths: readonly string[]): Socket {
  const { port } = new URL(gateway.url);
  const { host } = new URL(stack.url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`).join(''));
  return socket;
}

describe('pipelined requests', () => {
  it('are answered one after the other, in their order', async () => {
    const socket = pipeline(['/health/live', keys, '/auth/session', '/health/live']);
    let answers = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      answers += part;
    });
    const statuses = (): string[] =>
      [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status = '']) => status);
    await waitUntil(() => statuses().length === 4, 'four answers', 10_000);
    expect(statuses()).toEqual(['200', '200', '401', '200']);
    socket.destroy();
  });

  it('of more than a few, the connection ends', async () => {
    const socket = pipeline(Array(1000).fill(keys)).resume();
    await new Promise((resolve) => {
      socket.once('close', resolve);
    });
    await expectToGoOn();
  });

  it.each(requests.filter(([, { method }]) => method === undefined))(
    '%s, from callers who leave: those after them are answered [F17]',
    async (name, { path }) => {
      standInOf(name).say((_request, response) => held.push(response) > 0);
      const sockets = Array.from({ length: callers }, () => pipeline([path, path, path]));
      await waitUntil(() => held.length === atOnce(name), 'as many requests as go at once', 10_000);
      await Promise.all(sockets.map((socket) => once(socket.destroy(), 'close')));
      standInOf(name).say(undefined);
      for (const response of held) {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      }
      const answers = await Promise.all(Array.from({ length: callers }, () => ask({ path })));
      expect(answers.filter(({ status }) => status >= 400)).toEqual([]);
    },
  );
});

it('callers who are slow to read hold no connection to Kratos [F17]', async () => {
  const text = 'x'.repeat(900_000);
  kratos.say((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ text }));
    return true;
  });
  const sockets = Array.from({ length: 2 * connectionsAtOnce.kratos }, () => {
    const socket = pipeline(Array(8).fill(page));
    return socket.pause();
  });
  await Promise.all(sockets.map(async (socket) => once(socket, 'readable')));
  const answers = await Promise.all(Array.from({ length: callers }, () => ask({ path: page })));
  expect(answers.map(({ status }) => status)).toEqual(Array(callers).fill(200));
  sockets.forEach((socket) => socket.destroy());
});

it('an answer that is too large is an error of one request, and no outage', async () => {
  kratos.say((_request, response) => {
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify('x'.repeat(2_000_000)));
    return true;
  });
  for (let count = 0; count < 2 * callers; count += 1) {
    expect((await ask({ path: page })).status).toBe(503);
  }
  kratos.say(undefined);
  expect((await ask({ path: page })).status).toBeLessThan(400);
});

it('an address that is too long to be shown again is refused', async () => {
  const answer = await ask({
    path: '/ory/kratos/self-service/recovery?flow=9a3b',
    method: 'POST',
    headers: form,
    body: new URLSearchParams({ method: 'code', email: '<'.repeat(20_000) }).toString(),
  });
  expect(answer.status).toBe(400);
});
