import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { SupervisedChild, type SupervisedProgram } from '../../src/launcher/supervised-child.js';

const server = `
  const { createServer } = require('node:http');
  const { writeFileSync } = require('node:fs');
  writeFileSync(process.env.NOTE, JSON.stringify(process.env));
  process.stdout.write('hello \\u001b[31mred\\u001b[0m\\rforged\\n');
  if (process.env.STUBBORN) process.on('SIGTERM', () => {});
  createServer((_, response) => response.end()).listen(Number(process.env.PORT), '127.0.0.1');
`;

let folder: string;
let child: SupervisedChild | undefined;
let lines: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vestibule-child-'));
  lines = [];
});
afterEach(async () => {
  await child?.stop();
  rmSync(folder, { recursive: true });
});

async function supervise(
  code: string,
  more: Partial<SupervisedProgram> = {},
  env: Record<string, string> = {},
): Promise<SupervisedChild> {
  const [port] = await findFreePorts(1);
  child = new SupervisedChild(
    {
      name: 'program',
      command: process.execPath,
      args: ['-e', code],
      env: { PORT: String(port), NOTE: join(folder, 'note'), ...env },
      probe: { url: `http://127.0.0.1:${port}/` },
      ...more,
    },
    (source, line) => lines.push(`${source}: ${line}`),
  );
  return child;
}

async function newPid(than: number | undefined): Promise<number> {
  return vi.waitFor(
    () => {
      const pid = child?.pid;
      if (pid === undefined || pid === than) {
        throw new Error('not restarted');
      }
      return pid;
    },
    { timeout: 60_000, interval: 20 },
  );
}

test('inherits no environment, and each line of its output carries its name', async () => {
  const program = await supervise(server);
  await program.start();
  const seen = Object.keys(JSON.parse(readFileSync(join(folder, 'note'), 'utf8')));
  expect(seen.filter((name) => !['PORT', 'NOTE', 'PWD', 'OLDPWD', 'SHLVL', '_'].includes(name))).toEqual([]);
  expect(lines).toEqual(['program: hello red', 'program: forged']);
});

test('one that ends before it is ready is an error with its exit code and last lines, and no restart', async () => {
  const program = await supervise(`process.stderr.write('no database\\n'); process.exitCode = 78;`);
  await expect(program.start()).rejects.toMatchObject({
    exitCode: 78,
    message: 'program ended with code 78 before it was ready. Its last lines:\n  no database',
  });
  expect(program.pid).toBeUndefined();
  expect(lines).toEqual([]);
});

test('one that ends well before it is ready is an error too', async () => {
  const program = await supervise('');
  await expect(program.start()).rejects.toMatchObject({ exitCode: 1 });
});

test('one that cannot be run is an error', async () => {
  const program = await supervise('', { command: join(folder, 'missing') });
  await expect(program.start()).rejects.toMatchObject({ exitCode: 127 });
});

test('one that is not ready in time is ended', async () => {
  const program = await supervise('setInterval(() => {}, 1000);', { startLimitMs: 500 });
  await expect(program.start()).rejects.toThrow('program was not ready after 0.5 s');
  expect(program.pid).toBeUndefined();
});

test('is restarted after it was killed, each time after a longer pause', async () => {
  const program = await supervise(server);
  await program.start();
  for (const pause of ['0.25', '0.5', '1']) {
    const before = program.pid;
    program.kill('SIGKILL');
    await newPid(before);
    expect(lines).toContain(`program: ended with SIGKILL; starting it again in ${pause} s`);
    await vi.waitFor(() => expect(lines.at(-1)).toBe('program: is ready again'), { timeout: 60_000 });
  }
});

test('stop leaves it stopped, also while a restart is pending, and restart brings it back', async () => {
  const program = await supervise(server);
  await program.start();
  program.kill('SIGKILL');
  await vi.waitFor(() => expect(lines.at(-1)).toContain('starting it again'), { timeout: 60_000 });
  await program.stop();
  expect(program.pid).toBeUndefined();
  await program.restart();
  expect(program.pid).toBeGreaterThan(0);
});

test.each(['SIGTERM', 'SIGSTOP'] as const)('one that does not heed SIGTERM (%s) is killed', async (kind) => {
  const program = await supervise(
    server,
    { stopLimitMs: 500 },
    kind === 'SIGTERM' ? { STUBBORN: 'yes' } : {},
  );
  await program.start();
  if (kind === 'SIGSTOP') {
    program.kill('SIGSTOP');
  }
  await program.stop();
  expect(program.pid).toBeUndefined();
});
