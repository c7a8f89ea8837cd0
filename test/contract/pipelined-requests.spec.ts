import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { Controller, Get, Module } from '@nestjs/common';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { innerCallHeaders } from '../../src/platform/http/inner-call.js';
import { Public } from '../../src/session/guards/access.decorators.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { waitUntil } from '../support/stack.js';

const connections = 60;
const held: (() => void)[] = [];

@Controller('probe')
@Public()
class ProbeController {
  /** Answers when the test lets it. */
  @Get('held')
  async held(): Promise<string> {
    await new Promise<void>((resolve) => held.push(resolve));
    return 'ok';
  }

  /** Twenty milliseconds of a core. */
  @Get('dear')
  dear(): string {
    const end = performance.now() + 20;
    while (performance.now() < end);
    return 'ok';
  }
}

@Module({ controllers: [ProbeController] })
class ProbeModule {}

let gateway: Gateway;
let port: number;

beforeAll(async () => {
  gateway = await startGateway({ MAX_EVENT_LOOP_DELAY: '100' }, undefined, { modules: [ProbeModule] });
  await gateway.app.listen(0, '127.0.0.1');
  port = Number(new URL(await gateway.app.getUrl()).port);
});

afterAll(async () => {
  await gateway?.stop();
});

/** Sends requests in one go, on a connection of their own. @returns the statuses of its answers so far. */
function pipeline(sockets: Socket[], paths: readonly string[]): () => string[] {
  const { host } = new URL(gateway.configuration.PUBLIC_URL);
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let answers = '';
  socket.setEncoding('utf8').on('data', (part: string) => {
    answers += part;
  });
  socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`).join(''));
  return () => [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status = '']) => status);
}

it('pipelined requests that came while all was well are refused if their turn comes in an overload', async () => {
  const sockets: Socket[] = [];
  try {
    const statuses: (() => string[])[] = [];
    for (let count = 0; count < connections; count += 1) {
      statuses.push(pipeline(sockets, ['/probe/held', '/probe/dear']));
      await waitUntil(() => held.length > count, 'the first request');
    }
    held.forEach((release) => release());
    await waitUntil(() => statuses.every((seen) => seen().length === 2), 'two answers each', 30_000);
    expect(new Set(statuses.map((seen) => seen()[0]))).toEqual(new Set(['200']));
    expect(new Set(statuses.map((seen) => seen()[1]))).toEqual(new Set(['200', '503']));
  } finally {
    await Promise.all(sockets.map(async (socket) => once(socket.destroy(), 'close')));
  }
});

it('an overload refuses new requests, and not what this process asks itself for those that were admitted', async () => {
  const adapter = gateway.app.getHttpAdapter().getInstance();
  const statusesOf = async (headers: Readonly<Record<string, string>>): Promise<Set<number>> => {
    const { host } = new URL(gateway.configuration.PUBLIC_URL);
    const end = performance.now() + 500;
    while (performance.now() < end);
    const ask = async (): Promise<number> =>
      (await adapter.inject({ url: '/probe/dear', headers: { host, ...headers } })).statusCode;
    return new Set(await Promise.all(Array.from({ length: connections }, ask)));
  };
  expect(await statusesOf({})).toContain(503);
  expect(await statusesOf(innerCallHeaders)).toEqual(new Set([200]));
});
