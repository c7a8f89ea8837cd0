import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { differences } from '../../../scripts/check-reproducible.mjs';
import { buildVersion } from '../../../scripts/version.mjs';
import { version } from '../../../src/platform/core/version.js';
import { dockerFolder } from '../../../src/launcher/binary.store.js';
import { releases } from '../../support/releases.js';
import { copyDockerFolder } from '../docker.checks.js';

const run = promisify(execFile);
const root = join(dockerFolder, '..');

const gitIn =
  (folder: string) =>
  async (...words: string[]): Promise<string> =>
    (await run('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.test', ...words], { cwd: folder }))
      .stdout;

/** The version that a folder's scripts print. */
async function versionOf(folder: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const options = { cwd: folder, env: { PATH: process.env['PATH'], ...env } };
  return (await run(process.execPath, ['scripts/version.mjs'], options)).stdout.trim();
}

it('package.json, its lock file, the compose file, the packages and the changelog agree about the version', async () => {
  const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8');
  const lock = z.looseObject({ version: z.string() }).parse(JSON.parse(await read('package-lock.json')));
  expect(version).toMatch(/^\d+\.\d+\.\d+(?:-[\w.]+)?$/);
  expect(lock.version).toBe(version);
  expect(await read('docker/compose.yml')).toContain(`vestibule:\${VESTIBULE_VERSION:-${version}}`);
  const { workspaces } = z
    .looseObject({ workspaces: z.array(z.string()) })
    .parse(JSON.parse(await read('package.json')));
  for (const path of workspaces.filter((name) => name.startsWith('packages/'))) {
    const manifest = z
      .looseObject({ version: z.string(), dependencies: z.record(z.string(), z.string()) })
      .parse(JSON.parse(await read(`${path}/package.json`)));
    expect([path, manifest.version]).toEqual([path, version]);
    expect([path, manifest.dependencies['@vestibule-auth/verify'] ?? version]).toEqual([path, version]);
  }
  expect(await read('packages/python/pyproject.toml')).toContain(`\nversion = "${version}"\n`);
  expect(await read('CHANGELOG.md')).toMatch(/^## (?:Unreleased|\[?\d)/m);
});

it('each release is kept with its commit', async () => {
  const changelog = await readFile(join(root, 'CHANGELOG.md'), 'utf8');
  const named = [...changelog.matchAll(/^## (\d[^ ]*)/gm)].map(([, name]) => name);
  expect(releases.at(-1)?.version).toBe(named[0]);
  for (const { commit, version: released } of releases) {
    const { stdout } = await run('git', ['show', `${commit}:package.json`], { cwd: root });
    expect(JSON.parse(stdout)).toMatchObject({ version: released });
  }
});

it('updates are tested from the last release whose database is migrated', async () => {
  const migrationsAmong = (paths: readonly string[]): string[] =>
    paths.flatMap((path) => /\d{4}-[\w-]+(?=\.migration\.ts$)/.exec(path) ?? []);
  const current = migrationsAmong(await readdir(join(root, 'src'), { recursive: true }));
  expect(current.length).toBeGreaterThan(20);
  const older: string[] = [];
  for (const { commit, version: released } of releases) {
    const { stdout } = await run('git', ['ls-tree', '-r', '--name-only', commit, 'src'], { cwd: root });
    const known = migrationsAmong(stdout.split('\n'));
    older.push(...(current.every((name) => known.includes(name)) ? [] : [released]));
  }
  expect(await readFile(join(root, 'test/journeys/upgrade.spec.ts'), 'utf8')).toContain(
    `prepareRelease('${older.at(-1)}')`,
  );
});

it('the README names the version and the last release', async () => {
  const last = releases.at(-1)?.version;
  const line = version.endsWith('-dev')
    ? `${version.slice(0, -'-dev'.length)} in development; the last release is ${last}.`
    : `${last}.`;
  expect(await readFile(join(root, 'README.md'), 'utf8')).toContain(`\n**Version:** ${line} `);
});

it('between releases the version names the commit, where there is one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-version-'));
  try {
    const git = gitIn(folder);
    const versionIn = async (env: Readonly<Record<string, string>> = {}): Promise<string> =>
      versionOf(folder, env);
    await cp(join(root, 'scripts/version.mjs'), join(folder, 'scripts/version.mjs'));
    const manifest = join(folder, 'package.json');
    await writeFile(manifest, JSON.stringify({ version: '1.2.0-dev' }));
    expect(await versionIn()).toBe('1.2.0-dev');
    await git('init', '--quiet');
    await git('add', '.');
    await git('commit', '--quiet', '--message', 'all');
    const commit = (await git('rev-parse', 'HEAD')).slice(0, 12);
    const named = `1.2.0-dev.${/^\d+$/.test(commit) ? 'g' : ''}${commit}`;
    expect(await versionIn()).toBe(named);
    expect(await versionIn({ VESTIBULE_BUILD_VERSION: '1.2.0-dev.other' })).toBe('1.2.0-dev.other');
    // A folder in somebody else's checkout isn't of its commit.
    await cp(join(folder, 'scripts'), join(folder, 'inner/scripts'), { recursive: true });
    await cp(manifest, join(folder, 'inner/package.json'));
    const inner = await run(process.execPath, ['inner/scripts/version.mjs'], { cwd: folder });
    expect(inner.stdout).toBe('1.2.0-dev\n');
    await writeFile(manifest, JSON.stringify({ version: '1.2.0-dev', private: true }));
    expect(await versionIn()).toBe(`${named}.modified`);
    await writeFile(manifest, JSON.stringify({ version: '1.2.0' }));
    expect(await versionIn()).toBe('1.2.0');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it('the images of two checkouts have two names, and one that an operator has chosen stays', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-version-'));
  try {
    const file = join(folder, 'docker/.env');
    const lineAfterRun = async (): Promise<string | undefined> => {
      await run(join(folder, 'docker/make-secrets.sh'), { cwd: folder });
      const lines = (await readFile(file, 'utf8')).split('\n');
      expect(lines).toContain('PUBLIC_URL=https://localhost:8443');
      const named = lines.filter((line) => line.includes('VESTIBULE_VERSION'));
      expect(named.length).toBeLessThan(2);
      return named[0];
    };
    const byScript = (name: string): string => `VESTIBULE_VERSION=${name} # by make-secrets.sh, at each run`;
    await copyDockerFolder(join(folder, 'docker'));
    // A folder that nothing can be built from.
    expect(await lineAfterRun()).toBeUndefined();

    // An archive without git.
    await mkdir(join(folder, 'src'));
    await writeFile(join(folder, 'src/main.ts'), 'export {};\n');
    await cp(join(root, 'scripts/version.mjs'), join(folder, 'scripts/version.mjs'));
    const manifest = join(folder, 'package.json');
    const setVersion = async (name: string): Promise<void> =>
      writeFile(manifest, JSON.stringify({ name: 'a', version: name, type: 'module' }, undefined, 2));
    await setVersion('1.2.0-dev');
    const first = await lineAfterRun();
    expect(first).toMatch(/^VESTIBULE_VERSION=1\.2\.0-dev\.files-[0-9a-f]{12} # /);
    expect(await lineAfterRun()).toBe(first);
    await writeFile(join(folder, 'src/main.ts'), 'export const a = 1;\n');
    expect(await lineAfterRun()).not.toBe(first);

    // A checkout, and the next commit.
    const git = gitIn(folder);
    await writeFile(join(folder, '.gitignore'), '.env\nsecrets\n');
    await git('init', '--quiet');
    await git('add', '.');
    await git('commit', '--quiet', '--message', 'all');
    const old = await versionOf(folder);
    expect(await lineAfterRun()).toBe(byScript(old));
    await git('commit', '--quiet', '--allow-empty', '--message', 'next');
    const next = await versionOf(folder);
    expect(next).not.toBe(old);
    expect(await lineAfterRun()).toBe(byScript(next));
    await setVersion('1.2.0');
    expect(await lineAfterRun()).toBe(byScript('1.2.0'));

    await writeFile(file, 'PUBLIC_URL=https://localhost:8443\nVESTIBULE_VERSION=mine');
    expect(await lineAfterRun()).toBe('VESTIBULE_VERSION=mine');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it('the command says the version of its build, without any settings', async () => {
  const env = { PATH: process.env['PATH'] ?? '' };
  const { stdout } = await run(process.execPath, [join(root, 'dist/cli/main.js'), '--version'], {
    cwd: tmpdir(),
    env,
  });
  const built: unknown = JSON.parse(await readFile(join(root, 'dist/build.json'), 'utf8'));
  expect(built).toEqual({ version: stdout.trim() });
  expect(stdout.startsWith(version)).toBe(true);
});

it('the bill of materials has every package of the image with its licence, and no other', async () => {
  const { stdout } = await run('npm', ['run', '--silent', 'sbom'], { cwd: root, maxBuffer: 16_777_216 });
  const bill = z
    .looseObject({
      bomFormat: z.literal('CycloneDX'),
      metadata: z.looseObject({ component: z.looseObject({ name: z.string(), version: z.string() }) }),
      components: z.array(
        z.looseObject({
          name: z.string(),
          group: z.string().optional(),
          purl: z.string(),
          licenses: z.array(z.unknown()).optional(),
        }),
      ),
    })
    .parse(JSON.parse(stdout));
  expect(bill.metadata.component).toMatchObject({
    name: '@vestibule-auth/vestibule',
    version: buildVersion(),
  });
  const { packages } = z
    .looseObject({
      packages: z.record(
        z.string(),
        z.looseObject({
          name: z.string().optional(),
          version: z.string().optional(),
          dev: z.boolean().default(false),
          devOptional: z.boolean().default(false),
          link: z.boolean().default(false),
        }),
      ),
    })
    .parse(JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')));
  const installed = Object.entries(packages)
    .filter(
      ([path, { dev, devOptional, link }]) =>
        path.startsWith('node_modules/') && !dev && !devOptional && !link,
    )
    .map(
      ([path, found]) =>
        `${found.name ?? path.slice(path.lastIndexOf('node_modules/') + 13)}@${found.version}`,
    );
  const listed = bill.components.map(({ purl }) => decodeURIComponent(purl.slice('pkg:npm/'.length)));
  expect(installed.length).toBeGreaterThan(100);
  expect(listed.toSorted()).toEqual([...new Set(installed)].toSorted());
  expect(
    bill.components.filter(({ licenses }) => (licenses ?? []).length === 0).map(({ purl }) => purl),
  ).toEqual([]);
});

it('the check of reproducibility sees one byte, and a file that only one build has', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-reproducible-'));
  try {
    const [first, second] = [join(folder, 'first'), join(folder, 'second')];
    for (const each of [first, second]) {
      await mkdir(join(each, 'cli'), { recursive: true });
      await writeFile(join(each, 'main.js'), 'export {};\n');
      await writeFile(join(each, 'cli/main.js'), 'export {};\n');
    }
    expect(differences(first, second)).toEqual([]);
    await writeFile(join(first, '.tsbuildinfo'), 'notes');
    await writeFile(join(second, 'cli/main.js'), 'export {} \n');
    await writeFile(join(second, 'more.js'), '');
    expect(differences(first, second)).toEqual(['cli/main.js', 'more.js']);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
