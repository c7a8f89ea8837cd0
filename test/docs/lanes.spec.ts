import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ownFeatures } from '../../src/app/features.js';
import lanes from '../lanes.json' with { type: 'json' };
import { filesOfLane } from '../support/lane.files.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Every spec file of the checkout. */
const specs = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .stdout.split('\n')
  .filter((path) => /\.spec\.tsx?$/.test(path));

it('every spec is in a lane, and what is in `npm test` is in `all`', async () => {
  const all = await filesOfLane('all');
  expect(all.length).toBeGreaterThan(400);
  expect(all.toSorted()).toEqual(specs.toSorted());
  const essential = await filesOfLane('essential');
  expect(essential.length).toBeGreaterThan(250);
  expect(essential.filter((file) => !all.includes(file))).toEqual([]);
  const inFolder = (file: string): boolean => file.includes('/essential/');
  expect(all.filter(inFolder).toSorted()).toEqual(essential.filter(inFolder).toSorted());
});

it('what CI calls, the workflows and the documents name lanes that there are', () => {
  const files = ['.ci/run', 'README.md', 'CONTRIBUTING.md'];
  const workflows = readdirSync(join(root, '.github/workflows')).map((name) => `.github/workflows/${name}`);
  const named = [...files, ...workflows].flatMap((file) =>
    [...read(file).matchAll(/--lane[ =](\w+)/g)].map(([, lane = '']) => lane),
  );
  expect(named).toContain('all');
  expect(named.filter((lane) => !Object.hasOwn(lanes, lane))).toEqual([]);
});

const refusalOf = (...words: readonly string[]) =>
  spawnSync(process.execPath, ['scripts/test.mjs', ...words], { cwd: root, encoding: 'utf8' });

it('a feature that is not there is refused, with those that are', () => {
  const { status, stderr } = refusalOf('--feature=fast');
  expect([status, stderr]).toEqual([1, expect.stringContaining('There is no feature "fast".')]);
  const names = readdirSync(join(root, 'src/features'));
  expect(names.length).toBe(ownFeatures.length);
  expect(names.filter((name) => !stderr.includes(`  ${name}\n`))).toEqual([]);
});

it('a lane that is not there is refused, with those that are', () => {
  const { status, stderr } = refusalOf('--lane', 'fast');
  expect([status, stderr]).toEqual([1, expect.stringContaining('There is no lane "fast".')]);
  expect(Object.keys(lanes).filter((lane) => !stderr.includes(`  ${lane}: `))).toEqual([]);
});
