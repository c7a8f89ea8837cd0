import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { differences } from '../../scripts/check-reproducible.mjs';
import { version } from '../../src/platform/core/version.js';
import { dockerFolder } from '../../src/launcher/binary.store.js';

const run = promisify(execFile);
const root = join(dockerFolder, '..');

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

it('the command says its version, without any settings', async () => {
  const env = { PATH: process.env['PATH'] ?? '' };
  const { stdout } = await run(process.execPath, [join(root, 'dist/cli/main.js'), '--version'], {
    cwd: tmpdir(),
    env,
  });
  expect(stdout).toBe(`${version}\n`);
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
  expect(bill.metadata.component).toMatchObject({ name: '@vestibule-auth/vestibule', version });
  const { packages } = z
    .looseObject({
      packages: z.record(
        z.string(),
        z.looseObject({
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
    .map(([path, found]) => `${path.slice(path.lastIndexOf('node_modules/') + 13)}@${found.version}`);
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
