import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
])('of a file with %s, it finds %j', async (text, codes) => {
  const folder = await mkdtemp(join(tmpdir(), 'workload-keys-'));
  onTestFinished(async () => rm(folder, { recursive: true }));
  const path = join(folder, 'keys.json');
  await writeFile(path, text);
  expect(await codesOf(path)).toEqual(codes);
});

it('a file that is not there is found, and none is fine', async () => {
  expect(await codesOf('/nowhere/keys.json')).toEqual(['keys_file_unusable']);
  expect(await codesOf(undefined)).toEqual([]);
});
