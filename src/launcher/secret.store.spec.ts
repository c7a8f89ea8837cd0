import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LaunchError } from './launch.error.js';
import { loadSecrets, secretsPath } from './secret.store.js';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'vestibule secrets '));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

test('makes secrets once, for the owner alone', async () => {
  const first = await loadSecrets(dataDir);
  const path = secretsPath(dataDir);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
  expect(readdirSync(dirname(path))).toEqual(['secrets.json']);
  expect(first.kratos.cipher[0]).toHaveLength(32);
  const all = [
    first.gateway,
    first.kratos.default,
    first.kratos.cookie,
    first.hydra.system,
    first.hydra.cookie,
  ];
  expect(new Set(all.flat()).size).toBe(5);
  expect(await loadSecrets(dataDir)).toEqual(first);
});

test.each([
  ['empty', () => ''],
  ['half-written', (text: string) => text.slice(0, text.length / 2)],
  ['not JSON', () => 'secrets'],
  ['another shape', () => '{"gateway":[]}'],
  ['too short a secret', (text: string) => text.replace(/[0-9a-f]{64}/, 'abc123')],
])('a file that is %s is reported without its content, and left as it is', async (_, damage) => {
  await loadSecrets(dataDir);
  const path = secretsPath(dataDir);
  const whole = readFileSync(path, 'utf8');
  const broken = damage(whole);
  writeFileSync(path, broken);
  const error = await loadSecrets(dataDir).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(LaunchError);
  expect(String(error)).toContain(`secrets file ${path} is broken`);
  for (const secret of whole.match(/[\w-]{32,}/g) ?? []) {
    expect(String(error)).not.toContain(secret);
  }
  expect(readFileSync(path, 'utf8')).toBe(broken);
});

test('secrets that are gone while databases are there are not made anew', async () => {
  mkdirSync(join(dataDir, 'ory'));
  writeFileSync(join(dataDir, 'ory', 'hydra.sqlite'), '');
  await expect(loadSecrets(dataDir)).rejects.toThrow(/is missing, but databases made with it are there/);
  expect(readdirSync(dataDir)).toEqual(['ory']);
});
