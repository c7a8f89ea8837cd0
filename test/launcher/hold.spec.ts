import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { SupervisedChild } from '../../src/launcher/supervised-child.js';
import { cleanUp } from './launcher.harness.js';

/** Notes that it runs, and listens once its standard input has ended. */
const held = `
  const { createServer } = require('node:http');
  require('node:fs').writeFileSync(process.env.NOTE, '');
  process.stdin.resume().once('end', () => {
    createServer((_, response) => response.end()).listen(Number(process.env.PORT), '127.0.0.1');
  });
`;

test('a held program runs, and goes on once it is released, as do its later runs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-held-'));
  cleanUp(() => rmSync(folder, { recursive: true }));
  const [port] = await findFreePorts(1);
  const url = `http://127.0.0.1:${port}/`;
  const env = { PORT: String(port), NOTE: join(folder, 'note') };
  const child = new SupervisedChild(
    { name: 'held', command: process.execPath, args: ['-e', held], env, isHeld: true, probe: { url } },
    () => undefined,
  );
  cleanUp(async () => child.stop());
  let isReady = false;
  const start = child.start().then(() => (isReady = true));
  await vi.waitFor(() => expect(existsSync(env.NOTE)).toBe(true), { timeout: 60_000 });
  await expect(fetch(url)).rejects.toThrow('fetch failed');
  expect(isReady).toBe(false);
  child.release();
  await start;

  const first = child.pid;
  child.kill('SIGKILL');
  await vi.waitFor(() => expect(child.pid ?? first).not.toBe(first), { timeout: 60_000 });
  await vi.waitFor(async () => expect((await fetch(url)).status).toBe(200), { timeout: 60_000 });
});
