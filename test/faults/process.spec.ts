import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { percentile, recordFault } from '../support/fault.record.js';
import { timed } from '../support/timed.js';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway.process.js';
import { readHealth } from '../support/health.js';
import { startLoad } from '../support/load.js';
import { newPerson, signUp } from '../support/person.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

/** Gateways start in these tests, and a start takes seconds of a core that other tests want too. */
const timeout = { timeout: 120_000 };

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

let stack: Stack;
let folder: string;

beforeAll(async () => {
  stack = await startStack();
  folder = await mkdtemp(join(tmpdir(), 'vestibule-process-'));
});

afterAll(async () => {
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A gateway of its own beside the stack's, on the stack's Kratos and Hydra, and somebody who is logged in there. */
async function started(
  name: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ gateway: GatewayProcess; agent: UserAgent }> {
  const gateway = await startGatewayProcess({ ...stack.env, DATA_DIR: join(folder, name), ...env });
  const agent = new UserAgent(stack.url, gateway.url);
  await signUp(agent, newPerson());
  return { gateway, agent };
}

const statusOf = async (agent: UserAgent): Promise<number> => (await agent.fetch('/api/v1/me')).status;

/** Guarded requests in four lanes. */
function guardedLoad(agent: UserAgent, durations: number[] = []) {
  return startLoad(4, async () => {
    const { value: status, ms } = await timed(() => statusOf(agent));
    durations.push(ms);
    return status === 200 ? undefined : String(status);
  });
}

describe('a process under load', () => {
  it('100 rejections that nobody handles: it goes on and no request fails [F15]', timeout, async () => {
    const reject = `process.on('SIGUSR2', () => { Promise.reject(new Error('nobody handles this')); });`;
    const { gateway, agent } = await started('rejections', {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(reject)}`,
    });
    try {
      const pid = gateway.pid();
      const load = guardedLoad(agent);
      for (let sent = 0; sent < 100; sent += 1) {
        const before = load.requests();
        gateway.signal('SIGUSR2');
        await waitUntil(() => load.requests() > before, 'a request after it');
      }
      const report = await load.stop();
      expect(report.failures).toEqual([]);
      expect(report.requests).toBeGreaterThanOrEqual(100);
      expect(gateway.pid()).toBe(pid);
      expect((await readHealth(gateway.url)).status).toBe('ok');
      recordFault('F15', { rejections: 100, requests: report.requests, failed: report.failures.length });
    } finally {
      await gateway.stop();
    }
  });

  it(
    'a secrets file that is cut in half: the process goes on with what it has, a cold start exits and names the variable alone [F13]',
    timeout,
    async () => {
      const secret = stack.env['SECRETS'] ?? '';
      const file = join(folder, 'secrets');
      await writeFile(file, secret);
      const { SECRETS: _direct, ...others } = stack.env;
      const env = { ...others, SECRETS_FILE: file, DATA_DIR: join(folder, 'secrets-data') };
      const gateway = await startGatewayProcess(env);
      try {
        const agent = new UserAgent(stack.url, gateway.url);
        await signUp(agent, newPerson());
        const load = guardedLoad(agent);
        const half = secret.slice(0, 20);
        for (const text of [half, '', `${secret},${half}`]) {
          await writeFile(file, text);
          const before = load.requests();
          await waitUntil(() => load.requests() > before + 20, 'requests with the broken file');
          const cold = spawn(process.execPath, [program], {
            env: { ...env, PATH: process.env['PATH'] ?? '', PORT: '0' },
            stdio: ['ignore', 'ignore', 'pipe'],
          });
          let said = '';
          cold.stderr.on('data', (chunk: Buffer) => (said += String(chunk)));
          const [code]: unknown[] = await once(cold, 'close');
          expect(code).toBe(78);
          expect(said).toMatch(/SECRETS/);
          expect(said).not.toContain(half);
        }
        const report = await load.stop();
        expect(report.failures).toEqual([]);
        await writeFile(file, secret);
        await gateway.stop();
        const { ms } = await timed(() => gateway.start());
        expect(await statusOf(agent)).toBe(200);
        recordFault('F13', {
          requests: report.requests,
          failed: report.failures.length,
          exitCode: 78,
          startMs: ms,
        });
      } finally {
        await gateway.stop();
      }
    },
  );
});

describe('SIGTERM under load', () => {
  it(
    'readiness is 503 first, everything is served for SHUTDOWN_DELAY, what is under way is answered, and no request fails [F08]',
    timeout,
    async () => {
      const first = await started('drain-1', { SHUTDOWN_DELAY: '2s' });
      const second = await startGatewayProcess({
        ...stack.env,
        DATA_DIR: join(folder, 'drain-1'),
        DATABASE_URL: `file:${join(folder, 'drain-1', 'vestibule.db')}`,
      });
      try {
        const elsewhere = await first.agent.copyAt(second.url);
        // As a balancer: asks for readiness every 100 ms, and sends nothing to anyone who isn't ready.
        let isReady = true;
        let unreadyAfter = Number.NaN;
        let terminatedAt = Number.NaN;
        const balancer = startLoad(1, async () => {
          if (isReady && (await fetch(`${first.gateway.url}/health/ready`)).status === 503) {
            isReady = false;
            unreadyAfter = Math.round(performance.now() - terminatedAt);
          }
          return undefined;
        });
        let servedWhileUnready = 0;
        const durations: number[] = [];
        const load = startLoad(8, async () => {
          const { value: status, ms } = await timed(() => statusOf(isReady ? first.agent : elsewhere));
          durations.push(ms);
          return status === 200 ? undefined : String(status);
        });
        const before = load.requests();
        await waitUntil(() => load.requests() > before + 200, 'load');
        // Under way when the port closes: half of its body is still to come.
        const body = JSON.stringify({ accessToken: 'x'.repeat(20) });
        const slow = await halfSent(first.gateway.url, stack.url, body);
        terminatedAt = performance.now();
        first.gateway.signal('SIGTERM');
        await waitUntil(() => !isReady, 'readiness to be 503', 1500);
        while (performance.now() - terminatedAt < 1500) {
          servedWhileUnready += Number((await statusOf(first.agent)) === 200);
        }
        await waitUntil(
          async () => (await readHealth(first.gateway.url)).status === 'down',
          'the port to close',
        );
        const closedAfter = Math.round(performance.now() - terminatedAt);
        slow.sendRest();
        const answer = await slow.answer;
        expect(answer).toMatch(/^HTTP\/1\.1 401 /m);
        expect(answer.toLowerCase()).toContain('connection: close');
        expect(await first.gateway.ended()).toBe('SIGTERM');
        const endedAfter = Math.round(performance.now() - terminatedAt);
        const report = await load.stop();
        await balancer.stop();
        expect(report.failures).toEqual([]);
        expect(servedWhileUnready).toBeGreaterThan(10);
        expect(unreadyAfter).toBeLessThan(1000);
        expect(closedAfter).toBeGreaterThanOrEqual(1900);
        expect(endedAfter).toBeLessThan(10_000);
        recordFault('F08', {
          requests: report.requests,
          failed: report.failures.length,
          unreadyAfterMs: unreadyAfter,
          portClosedAfterMs: closedAfter,
          endedAfterMs: endedAfter,
          p99Ms: percentile(durations, 0.99),
        });
      } finally {
        await second.stop();
        await first.gateway.stop();
      }
    },
  );

  it('a request that never ends keeps nobody alive: it is cut off [F08]', timeout, async () => {
    const gateway = await startGatewayProcess({
      ...stack.env,
      DATA_DIR: join(folder, 'drain-2'),
      DATABASE_URL: `file:${join(folder, 'drain-2', 'vestibule.db')}`,
    });
    try {
      const slow = await halfSent(gateway.url, stack.url, 'x'.repeat(100));
      const terminatedAt = performance.now();
      gateway.signal('SIGTERM');
      expect(await gateway.ended()).toBe('SIGTERM');
      const endedAfter = performance.now() - terminatedAt;
      expect(endedAfter).toBeGreaterThan(15_000);
      expect(endedAfter).toBeLessThan(30_000);
      expect(await slow.answer).not.toMatch(/^HTTP\/1\.1 [2-5]/m);
    } finally {
      await gateway.stop();
    }
  });
});

/** A request whose body stops halfway until it's told to go on. Resolves when the gateway has begun with it. */
async function halfSent(url: string, origin: string, body: string) {
  const half = Math.floor(body.length / 2);
  const { port } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1');
  let text = '';
  const answer = new Promise<string>((resolve, reject) => {
    socket.on('data', (chunk) => (text += String(chunk)));
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
  socket.write(
    `POST /auth/login HTTP/1.1\r\nhost: ${new URL(origin).host}\r\norigin: ${origin}\r\nexpect: 100-continue\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, half)}`,
  );
  await waitUntil(() => text.includes('100 Continue'), 'the request to be under way');
  return { sendRest: () => void socket.write(body.slice(half)), answer };
}
