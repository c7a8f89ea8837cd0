import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { telemetryIn } from './telemetry.check.js';

const shipped = ['kratos/kratos.yml', 'kratos/kratos.env', 'hydra/hydra.yml', 'hydra/hydra.env'].map((path) =>
  fileURLToPath(new URL(`../../docker/${path}`, import.meta.url)),
);
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vestibule-telemetry-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('telemetryIn', () => {
  it('finds nothing in the shipped settings', async () => {
    expect(await telemetryIn(shipped)).toEqual([]);
  });

  it.each([
    'version: v1.3.1\n',
    'sqa-opt-out: false\n',
    '# sqa-opt-out: true\n',
    'sqa:\n  opt_out: false\n',
    'SQA_OPT_OUT=true\nSQA_OPT_OUT=false\n',
    '',
  ])('%j leaves it on', async (text) => {
    const path = join(folder, 'kratos.yml');
    await writeFile(path, text);
    expect(await telemetryIn([path])).toEqual([{ code: 'ory_telemetry_on', detail: path }]);
  });

  it('says which file it could not read', async () => {
    const [found] = await telemetryIn([join(folder, 'none.yml')]);
    expect(found?.code).toBe('check_incomplete');
    expect(found?.detail).toContain('none.yml');
  });
});
