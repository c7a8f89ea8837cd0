import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectionsAtOnce } from '../../src/providers/ory/proxy/ory.proxy.js';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway.process.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { type RawRequest, rawRequest } from '../support/raw.request.js';
import { StandIn } from '../support/stand-in.js';

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
  ['a page of Kratos', { path: '/ory/kratos/self-service/login/browser' }],
  [
    'a form for Kratos',
    {
      path: '/ory/kratos/self-service/recovery?flow=9a3b',
      method: 'POST',
      headers: form,
      body: 'method=code&email=left%40example.com',
    },
  ],
  ['the keys of Hydra', { path: '/ory/hydra/.well-known/jwks.json' }],
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
  expect((await ask({ path: '/ory/hydra/.well-known/jwks.json' })).status).toBe(200);
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
