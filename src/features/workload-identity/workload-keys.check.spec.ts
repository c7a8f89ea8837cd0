import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { plainConfiguration } from '../../../test/support/gateway.js';
import { workloadKeysCheck } from './workload-keys.check.js';

const codesOf = async (path: string | undefined): Promise<readonly string[]> =>
  (await workloadKeysCheck.run({ WORKLOAD_KEYS_FILE: path }, plainConfiguration())).map(({ code }) => code);

it.each([
  ['{}', []],
  ['{"https://issuer.example":{"keys":[]}}', []],
  ['{"https://issuer.example":{"keys":[{"kty":"RSA"}]}}', []],
  ['{"keys":[]}', ['keys_file_unusable']],
  ['{"https://issuer.example":{}}', ['keys_file_unusable']],
  ['not json', ['keys_file_unusable']],
  ['{"https://issuer.example":{"keys":[{"kty":"EC","d":"x"}]}}', ['keys_file_unusable']],
  ['{"https://issuer.example":{"keys":[{"kty":"oct","k":"x"}]}}', ['keys_file_unusable']],
])('of a file with %s, it finds %j', async (text, codes) => {
  const folder = await mkdtemp(join(tmpdir(), 'workload-keys-'));
  onTestFinished(async () => rm(folder, { recursive: true }));
  const path = join(folder, 'keys.json');
  await writeFile(path, text);
  expect(await codesOf(path)).toEqual(codes);
});

it.each([
  ['not json', 'it is no JSON'],
  ['{"keys":[]}', 'keys: Invalid input: expected object, received array'],
  [
    '{"https://issuer.example":{"keys":[{"kty":"EC","d":"x"}]}}',
    'https://issuer.example.keys.0: it is private: only public keys belong here',
  ],
])('of a file with %s, the fault is named', async (text, fault) => {
  const path = join(await mkdtemp(join(tmpdir(), 'workload-keys-')), 'keys.json');
  onTestFinished(async () => rm(dirname(path), { recursive: true }));
  await writeFile(path, text);
  const findings = await workloadKeysCheck.run({ WORKLOAD_KEYS_FILE: path }, plainConfiguration());
  expect(findings.map(({ detail }) => detail)).toEqual([`${path}: ${fault}`]);
  const missing = await workloadKeysCheck.run({ WORKLOAD_KEYS_FILE: '/no/keys' }, plainConfiguration());
  expect(missing.map(({ detail }) => detail)).toEqual(['/no/keys: it can’t be read (ENOENT)']);
});

it('a file that is not there is found, and none is fine', async () => {
  expect(await codesOf('/nowhere/keys.json')).toEqual(['keys_file_unusable']);
  expect(await codesOf(undefined)).toEqual([]);
});
