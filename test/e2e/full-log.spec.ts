import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway.process.js';
import { rawRequest } from '../support/raw.request.js';
import { type Stack, startStack } from '../support/stack.js';

/** Enough lines for several writes. */
const requests = 500;
let stack: Stack;
let gateway: GatewayProcess;

beforeAll(async () => {
  stack = await startStack();
  gateway = await startGatewayProcess({ ...stack.env, LOG_LEVEL: 'info' }, [
    'sh',
    '-c',
    'exec "$@" >/dev/full',
    'sh',
  ]);
});

afterAll(async () => {
  await gateway?.stop();
  await stack?.stop();
});

it('the disk of the log is full: the gateway starts, and goes on answering [F12]', async () => {
  const { host } = new URL(stack.url);
  for (let count = 0; count < requests; count += 1) {
    const answer = await rawRequest(gateway.url, { path: '/auth/session', headers: { host } });
    expect(answer.status).toBe(401);
  }
});

it('the disk of the log is full: a start that fails still ends [F12]', async () => {
  const { port } = new URL(gateway.url);
  const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
  const second = spawn('sh', ['-c', 'exec "$0" "$1" >/dev/full', process.execPath, program], {
    env: { PATH: process.env['PATH'] ?? '', ...stack.env, LOG_LEVEL: 'info', PORT: port },
    stdio: 'ignore',
  });
  const [code] = await once(second, 'exit');
  expect(code).not.toBe(0);
});
