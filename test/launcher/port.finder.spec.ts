import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';

const finder = new URL('../../dist/launcher/port-finder.js', import.meta.url).href;
// Finds ports, and lives until its input ends: anyone who uses the ports isn't there yet.
const program = `
import { findFreePorts } from ${JSON.stringify(finder)};
process.stdout.write(JSON.stringify(await findFreePorts(200)) + '\\n');
process.stdin.resume();
`;

test('processes side by side are given different ports, also before anything listens at them', async () => {
  const ports = (await Promise.all(Array.from({ length: 4 }, () => portsOf(start())))).flat();
  expect(ports).toHaveLength(800);
  expect(new Set(ports).size).toBe(800);
});

test('finding ports keeps no process alive', async () => {
  const child = start();
  const ended = once(child, 'exit');
  await portsOf(child);
  child.stdin.end();
  expect(await ended).toEqual([0, null]);
});

function start(): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program]);
  onTestFinished(() => void child.kill());
  return child;
}

async function portsOf({ stdout }: ChildProcessWithoutNullStreams): Promise<number[]> {
  const [line]: unknown[] = await once(createInterface(stdout), 'line');
  const ports: unknown = JSON.parse(String(line));
  return Array.isArray(ports) ? ports.map(Number) : [];
}
