import { appendFile, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { recordFault } from '../support/fault.record.js';
import { timed } from '../support/timed.js';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway.process.js';
import { startLoad } from '../support/load.js';
import { logIn, newPerson, signUp } from '../support/person.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

const person = newPerson();
let stack: Stack;
let gateway: GatewayProcess;
let folder: string;
/** The small disk, as it's seen from outside of the namespace that it is mounted in. */
let disk: string;
let agent: UserAgent;

beforeAll(async () => {
  stack = await startStack();
  folder = await mkdtemp(join(tmpdir(), 'vestibule-disk-'));
  const mounted = join(folder, 'data');
  await mkdir(mounted);
  // A mount of the gateway's own, which is gone when it ends; needs util-linux and root or the right to make user namespaces.
  const script = 'mount -t tmpfs -o size=8m tmpfs "$1" && shift && exec "$@"';
  gateway = await startGatewayProcess({ ...stack.env, DATA_DIR: mounted }, [
    'unshare',
    '-rm',
    '--',
    'sh',
    '-c',
    script,
    'sh',
    mounted,
  ]);
  disk = `/proc/${gateway.pid()}/root${mounted}`;
  agent = new UserAgent(stack.url, gateway.url);
  await signUp(agent, person);
});

afterAll(async () => {
  await gateway?.stop();
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Writes until there is no room for another byte. @returns the bytes that there was room for. */
async function fill(path: string): Promise<number> {
  for (const size of [1_048_576, 4096, 1]) {
    const full = await appendFile(path, Buffer.alloc(size)).then(
      () => false,
      (error: unknown) => Reflect.get(Object(error), 'code') === 'ENOSPC',
    );
    if (!full) {
      return (await fill(path)) + size;
    }
  }
  return 0;
}

it(
  'the disk is full: the process lives, guarded requests go on, logins say 503 until there is room again [F12]',
  { timeout: 120_000 },
  async () => {
    expect((await stat(join(disk, 'vestibule.db'))).isFile()).toBe(true);
    const load = startLoad(4, async () => {
      const { status } = await agent.fetch('/api/v1/me');
      return status === 200 ? undefined : String(status);
    });
    const filler = join(disk, 'filler');
    await fill(filler);
    // What the database has set aside is used first: each login writes some of it.
    const codes: string[] = [];
    let logins = 0;
    await waitUntil(
      async () => {
        const visitor = new UserAgent(stack.url, gateway.url);
        const page = await logIn(visitor, person);
        logins += 1;
        if (page.status !== 200) {
          const session = (await visitor.cookie('vestibule')) === undefined ? 'no session' : 'a session';
          codes.push(`${page.status} ${page.html().querySelector('code')?.text}, ${session}`);
        }
        expect(logins).toBeLessThan(60);
        return codes.length >= 3;
      },
      'logins to be refused',
      60_000,
    );
    expect(new Set(codes)).toEqual(new Set(['503 database_unavailable, no session']));
    const from = load.requests();
    await waitUntil(() => load.requests() > from + 100, 'guarded requests with a full disk');
    await rm(filler);
    const back = await timed(async () =>
      waitUntil(
        async () => {
          const visitor = new UserAgent(stack.url, gateway.url);
          await logIn(visitor, person);
          return (await visitor.fetch('/auth/session')).status === 200;
        },
        'a login to work again',
        10_000,
      ),
    );
    const report = await load.stop();
    expect(report.failures).toEqual([]);
    recordFault('F12', { requests: report.requests, failed: report.failures.length, recoveredMs: back.ms });
  },
);
