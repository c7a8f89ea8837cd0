import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { filesOfLane } from '../support/lane.files.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const workflow = read('.github/workflows/ci.yml');
const withoutDocker = (/^  WITHOUT_DOCKER: >-\n((?: {4}.*\n)+)/m.exec(workflow)?.[1] ?? '')
  .trim()
  .replaceAll(/\s+/g, ' ');
const cells = [
  ...workflow.matchAll(
    /^ +- \{ node: '(?<node>[\d.]+)', tests: '(?<tests>[^']*)'(?:, as: '(?<as>[^']*)')? \}$/gm,
  ),
].map(({ groups = {} }) => ({
  node: groups['node'] ?? '',
  tests: (groups['tests'] ?? '').replace('$WITHOUT_DOCKER', withoutDocker).split(' '),
  isRoot: groups['as']?.startsWith('sudo ') === true,
}));

const asked = new Map<string, Promise<string[]>>();

/** The files of these arguments. A shard is a part of them. */
const filesOf = (tests: readonly string[]): Promise<string[]> => {
  const given = tests.filter((argument) => !argument.startsWith('--shard='));
  const files = asked.get(given.join(' ')) ?? filesOfLane('all', ...given);
  asked.set(given.join(' '), files);
  return files;
};

it('each cell of the workflow names what is there, and together they run every test', async () => {
  expect(cells).toHaveLength(workflow.match(/^ +- \{ node:/gm)?.length ?? 0);
  const all = await filesOf([]);
  expect(all.length).toBeGreaterThan(400);
  const run = new Set<string>();
  for (const { node, tests, isRoot } of cells) {
    for (const name of tests.filter((argument) => !argument.startsWith('--'))) {
      expect([name, existsSync(join(root, name))]).toEqual([name, true]);
      expect([name, all.some((file) => file.startsWith(name))]).toEqual([name, true]);
    }
    const files = await filesOf(tests);
    // Docker's engine needs root.
    const ofEngine = files.filter((file) =>
      /from '.*self\.hoster\.js'|inject\('containerEngineUrl'\)/.test(read(file)),
    );
    expect([tests, isRoot ? ofEngine.length > 0 : ofEngine]).toEqual([tests, isRoot ? true : []]);
    if (node === '24') {
      files.forEach((file) => run.add(file));
    }
  }
  expect(all.filter((file) => !run.has(file))).toEqual([]);
}, 120_000);

it('each part of a sharded run has its cell', () => {
  const shards = cells.flatMap(({ tests }) => {
    const shard = tests.find((argument) => argument.startsWith('--shard='));
    return shard === undefined ? [] : [[shard, tests.filter((argument) => argument !== shard).join(' ')]];
  });
  const [[, selection] = []] = shards;
  expect(shards.map(([shard]) => shard)).toEqual(
    shards.map((_, index) => `--shard=${index + 1}/${shards.length}`),
  );
  expect(shards.filter(([, other]) => other !== selection)).toEqual([]);
});

it('the workflows name scripts that there are, and publish every package', () => {
  const release = read('.github/workflows/release.yml');
  const { scripts, workspaces } = z
    .looseObject({ scripts: z.record(z.string(), z.string()), workspaces: z.array(z.string()) })
    .parse(JSON.parse(read('package.json')));
  const named = [...`${workflow}\n${release}`.matchAll(/npm run (?:--?\w+ )*([\w:]+)/g)].map(
    ([, name = '']) => name,
  );
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  for (const [, file = ''] of workflow.matchAll(/run: (?:\$\{\{[^}]*\}\} )?(\.ci\/\w+)/g)) {
    expect([file, existsSync(join(root, file))]).toEqual([file, true]);
  }
  const published = /for name in (.*); do/.exec(release)?.[1]?.split(' ') ?? [];
  const packages = workspaces.filter((path) => path.startsWith('packages/')).map((path) => path.slice(9));
  expect(published.toSorted()).toEqual(["'programs-*'", 'vestibule', ...packages].toSorted());
});

it('each manifest names this repository, which npm compares with where a package was built', () => {
  const { workspaces } = z
    .looseObject({ workspaces: z.array(z.string()) })
    .parse(JSON.parse(read('package.json')));
  const url = 'git+https://github.com/vestibule-auth/vestibule.git';
  for (const directory of ['', ...workspaces.filter((path) => path.startsWith('packages/'))]) {
    const manifest: unknown = JSON.parse(read(join(directory, 'package.json')));
    const repository = { type: 'git', url, ...(directory === '' ? {} : { directory }) };
    expect(manifest).toMatchObject({ repository });
  }
});

it('no job leaves its token in the checkout', () => {
  for (const path of readdirSync(join(root, '.github/workflows'))) {
    const text = read(`.github/workflows/${path}`);
    const checkouts = text.match(/uses: actions\/checkout@/g) ?? [];
    expect([path, text.match(/persist-credentials: false/g)]).toEqual([
      path,
      checkouts.map(() => 'persist-credentials: false'),
    ]);
  }
});

it('without Go the check of the workflows says so, and fails in CI only', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-without-go-'));
  try {
    symlinkSync(process.execPath, join(folder, 'node'));
    const check = (env: Readonly<Record<string, string>>) =>
      spawnSync(process.execPath, ['scripts/check-workflows.mjs'], {
        cwd: root,
        env: { PATH: folder, ...env },
        encoding: 'utf8',
      });
    for (const [env, code] of [
      [{}, 0],
      [{ CI: 'true' }, 1],
    ] as const) {
      const { status, stderr } = check(env);
      expect([status, stderr]).toEqual([code, expect.stringContaining('not linted')]);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
