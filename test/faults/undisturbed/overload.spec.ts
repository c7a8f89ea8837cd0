import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askOn, crowd, openSockets } from '../../support/crowd.js';
import { percentile, recordFault } from '../../support/fault.record.js';
import { timed } from '../../support/timed.js';
import { newSecret, providerEnv } from '../../support/gateway.js';
import { startLoad } from '../../support/load.js';
import { type QuietGateway, startQuietGateway } from '../../support/quiet.gateway.js';
import { waitUntil } from '../../support/stack.js';

/** Two milliseconds of a core: 500 a second are all that one process can do. */
const dear = (host: string): string => `GET /dear HTTP/1.1\r\nhost: ${host}\r\n\r\n`;
const timeout = { timeout: 120_000 };

let folder: string;
let gateway: QuietGateway;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vestibule-overload-'));
  gateway = await startQuietGateway({
    ...providerEnv.oidc,
    DATA_DIR: folder,
    SECRETS: newSecret(),
    LOG_LEVEL: 'silent',
  });
});

afterAll(async () => {
  await gateway?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Resident memory of the gateway, in MB. */
async function memory(): Promise<number> {
  const status = await readFile(`/proc/${gateway.pid()}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
}

const status = async (path: string): Promise<number> => {
  const answer = await fetch(`${gateway.url}${path}`, { headers: { connection: 'close' } });
  await answer.body?.cancel();
  return answer.status;
};

describe('load', () => {
  it('as fast as 50 connections can ask: nobody is refused', timeout, async () => {
    const { statuses, durations } = await crowd(gateway.url, 50, dear(gateway.host), 4000);
    expect(Object.keys(statuses)).toEqual(['200']);
    recordFault('load', {
      connections: 50,
      served: statuses['200'] ?? 0,
      p50Ms: Math.round(percentile(durations, 0.5)),
      p99Ms: Math.round(percentile(durations, 0.99)),
    });
  });

  it(
    '2,000 connections that all ask for what is dear: those who are too many are told to come again, liveness answers, and it is over when they are gone',
    timeout,
    async () => {
      const before = await memory();
      let slowest = 0;
      const probe = startLoad(1, async () => {
        const { value, ms } = await timed(async () => status('/health/live'));
        slowest = Math.max(slowest, ms);
        return value === 200 ? undefined : String(value);
      });
      const { statuses, durations, refusal } = await crowd(gateway.url, 2000, dear(gateway.host), 8000);
      const { failures } = await probe.stop();
      expect(failures).toEqual([]);
      expect(Object.keys(statuses).toSorted()).toEqual(['200', '503']);
      expect(statuses['200'] ?? 0).toBeGreaterThan(100);
      expect(refusal).toMatch(/^retry-after: [1-4]\r$/m);
      expect(refusal).toContain('content-type: application/problem+json');
      expect(refusal).toContain('"code":"overloaded"');
      const { ms } = await timed(async () =>
        waitUntil(async () => (await status('/')) === 200, 'to be served again', 5000),
      );
      recordFault('load', {
        connections: 2000,
        served: statuses['200'] ?? 0,
        refused: statuses['503'] ?? 0,
        p50Ms: Math.round(percentile(durations, 0.5)),
        p99Ms: Math.round(percentile(durations, 0.99)),
        slowestLivenessMs: slowest,
        wellAfterMs: ms,
        memoryMb: `${before} → ${await memory()}`,
      });
      expect(percentile(durations, 0.5)).toBeLessThan(5000);
    },
  );

  it(
    '10,000 connections that are open: requests are answered, on new ones and on the first and last of them, and memory is bounded',
    timeout,
    async () => {
      const before = await memory();
      const sockets = await openSockets(gateway.url, 10_000);
      try {
        const request = `GET /health/live HTTP/1.1\r\nhost: ${gateway.host}\r\n\r\n`;
        const durations: number[] = [];
        const load = startLoad(4, async () => {
          const { value, ms } = await timed(async () => status('/'));
          durations.push(ms);
          return value === 200 ? undefined : String(value);
        });
        const from = load.requests();
        await waitUntil(() => load.requests() > from + 200, 'requests beside them', 60_000);
        const { failures } = await load.stop();
        expect(failures).toEqual([]);
        for (const socket of [sockets[0], sockets.at(-1)]) {
          expect(socket === undefined ? '' : await askOn(socket, request)).toMatch(/^HTTP\/1\.1 200 /);
        }
        const grown = (await memory()) - before;
        // 5 to 20 kB each, and what the requests beside them leave until it's collected.
        expect(grown).toBeLessThan(400);
        recordFault('load', {
          connections: '10,000 open',
          p50Ms: percentile(durations, 0.5),
          p99Ms: percentile(durations, 0.99),
          memoryMb: `${before} → ${before + grown}`,
        });
      } finally {
        sockets.forEach((socket) => socket.destroy());
      }
      await waitUntil(async () => (await status('/')) === 200, 'to be well without them', 10_000);
    },
  );
});
