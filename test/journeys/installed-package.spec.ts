import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { packRelease } from '../../scripts/release-pack.mjs';
import { buildVersion } from '../../scripts/version.mjs';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { closeContexts, sharedChromium } from '../support/browser.js';
import { logInIn } from '../support/browser.person.js';
import { type RunningStart, checkout, startLimitMs, startVestibule } from './started.vestibule.js';

const installedSchema = z.object({
  packages: z.record(
    z.string(),
    z.looseObject({
      version: z.string(),
      inBundle: z.boolean().default(false),
      hasInstallScript: z.boolean().default(false),
    }),
  ),
});
const lockSchema = z.looseObject({
  packages: z.record(z.string(), z.looseObject({ version: z.string().optional() })),
});
const manifestSchema = z.looseObject({ version: z.string(), repository: z.looseObject({ url: z.string() }) });
const platform = `${process.platform}-${process.arch}`;
let folder: string;
let environment: Record<string, string>;
let chromium: Browser;
let started: RunningStart | undefined;

/** A machine with Node, npm and a shell, an empty home, and nothing else. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vestibule-packages-'));
  const programs = join(folder, 'programs');
  mkdirSync(programs);
  for (const name of ['node', 'npm', 'npx', 'sh']) {
    symlinkSync(
      execFileSync('/bin/sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim(),
      join(programs, name),
    );
  }
  mkdirSync(join(folder, 'home'));
  environment = {
    PATH: programs,
    HOME: join(folder, 'home'),
    npm_config_update_notifier: 'false',
    npm_config_registry: npmSetting('registry'),
    npm_config_cache: npmSetting('cache'),
    npm_config_prefer_offline: 'true',
  };
  chromium = await sharedChromium(inject('chromiumPath'));
});

afterAll(async () => {
  await started?.stop();
  await closeContexts(chromium);
  rmSync(folder, { recursive: true, force: true });
});

function npmSetting(name: string): string {
  return execFileSync('npm', ['config', 'get', name], { encoding: 'utf8' }).trim();
}

const fileIn = (tarball: string, file: string): string =>
  execFileSync('tar', ['-xzOf', tarball, `package/${file}`], { encoding: 'utf8', maxBuffer: 2 ** 26 });

/** Installs packages in a new project, as anybody does. @returns the project, and what npm said. */
function install(name: string, packages: readonly string[]): { project: string; said: string } {
  const project = join(folder, name);
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const { status, stdout, stderr } = spawnSync('npm', ['install', ...packages], {
    cwd: project,
    env: environment,
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, expect.any(String)]);
  return { project, said: stdout + stderr };
}

function installedIn(project: string): z.output<typeof installedSchema>['packages'] {
  const record = readFileSync(join(project, 'node_modules/.package-lock.json'), 'utf8');
  return installedSchema.parse(JSON.parse(record)).packages;
}

/** A module as a compiler would write it. */
const adoptersProgram = `
import { Controller, Get, Module, NotFoundException } from '@nestjs/common';
import { Public } from '@vestibule-auth/vestibule';
import { startTestGateway } from '@vestibule-auth/vestibule/testing';

class Things {
  missing() {
    throw new NotFoundException();
  }
  closed() {}
}
for (const [name, ...decorators] of [['missing', Get('missing'), Public()], ['closed', Get('closed')]]) {
  const descriptor = Object.getOwnPropertyDescriptor(Things.prototype, name);
  decorators.forEach((decorate) => decorate(Things.prototype, name, descriptor));
}
Controller('things')(Things);
class ThingsModule {}
Module({ controllers: [Things] })(ThingsModule);

const gateway = await startTestGateway({ modules: [ThingsModule] });
const answers = [];
for (const path of ['/things/missing', '/things/closed', '/docs']) {
  const { status, headers } = await gateway.request(path);
  answers.push([path, status, headers['content-type']]);
}
await gateway.stop();
console.log(JSON.stringify(answers));
`;

let tarballs: readonly string[];
let project: string;

it(
  'what is installed is what was tested: the lock file’s versions, no install scripts, no warnings',
  { timeout: startLimitMs },
  async () => {
    tarballs = await packRelease(join(folder, 'release'), [platform]);
    const installation = install(
      'project',
      tarballs.filter((path) => /vestibule-auth-(?:vestibule|programs)-/.test(path)),
    );
    project = installation.project;
    expect(installation.said).not.toMatch(/warn|deprecated/i);
    const { packages: locked } = lockSchema.parse(
      JSON.parse(readFileSync(join(checkout, 'package-lock.json'), 'utf8')),
    );
    const installed = Object.entries(installedIn(project));
    const own = 'node_modules/@vestibule-auth/vestibule';
    const bundled = installed.filter(([, { inBundle }]) => inBundle);
    expect(bundled.length).toBeGreaterThan(20);
    const others = installed.filter(
      ([path, { inBundle }]) => !inBundle && !path.includes('@vestibule-auth/'),
    );
    expect(others.map(([path]) => path.replace(/-(?:gnu|musl)$/, ''))).toEqual(
      others.map(() => `node_modules/@libsql/${platform}`),
    );
    for (const [path, { version }] of [...bundled, ...others]) {
      expect([path, version]).toEqual([path, locked[path.replace(`${own}/`, '')]?.version]);
    }
    expect(installed.filter(([, { hasInstallScript }]) => hasInstallScript)).toEqual([]);
    expect(installed.filter(([path]) => path.includes('scarf'))).toEqual([]);
    for (const tarball of tarballs) {
      const { repository, version } = manifestSchema.parse(JSON.parse(fileIn(tarball, 'package.json')));
      expect([repository.url, version]).toEqual([
        'git+https://github.com/vestibule-auth/vestibule.git',
        buildVersion(),
      ]);
    }
    const readme = fileIn(tarballs[0] ?? '', 'README.md');
    expect(readme).not.toMatch(/npm start|\]\((?!https:)/);
  },
);

it(
  'a self-hoster with Node alone installs the packages, starts, and logs in',
  async () => {
    const [port = 0] = await findFreePorts(1);
    started = await startVestibule(
      { ...environment, PORT: String(port) },
      { program: 'npx', args: ['@vestibule-auth/vestibule', 'start'], cwd: project },
    );
    expect(started.output()).not.toContain('building');
    const password = /Password: +(\S+)/.exec(started.output())?.[1] ?? '';
    const page = await chromium.newPage();
    await logInIn(page, started.url, { email: 'admin@vestibule.example', password });
    await page.goto(`${started.url}/`);
    expect(await page.locator('body').innerText()).toContain('admin@vestibule.example');
  },
  startLimitMs,
);

it(
  'an adopter’s module shares NestJS with the installed package: what it throws is answered as it means it',
  { timeout: startLimitMs },
  () => {
    const [, own = ''] = fileIn(tarballs[0] ?? '', 'README.md').match(/^npm install (@nestjs.*)$/m) ?? [];
    const { project: adopters } = install('adopter', [tarballs[0] ?? '', ...own.split(' ')]);
    const scripts = Object.entries(installedIn(adopters)).filter(
      ([, { hasInstallScript }]) => hasInstallScript,
    );
    expect(scripts).toEqual([]);
    writeFileSync(join(adopters, 'things.js'), adoptersProgram);
    const printed = execFileSync('node', ['things.js'], {
      cwd: adopters,
      env: environment,
      encoding: 'utf8',
    });
    expect(JSON.parse(printed)).toEqual([
      ['/things/missing', 404, 'application/problem+json; charset=utf-8'],
      ['/things/closed', 401, 'application/problem+json; charset=utf-8'],
      ['/docs', 200, 'text/html; charset=utf-8'],
    ]);
  },
);

it(
  'the tarballs are the same for everyone, with sums, licences and a bill of materials',
  { timeout: 600_000 },
  async () => {
    const release = join(folder, 'release');
    const sums = readFileSync(join(release, 'SHA256SUMS'), 'utf8');
    const umask = process.umask(0o077);
    const again = await packRelease(join(folder, 'again'), [platform]).finally(() => process.umask(umask));
    expect(readFileSync(join(folder, 'again', 'SHA256SUMS'), 'utf8')).toBe(sums);
    expect(
      sums
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.slice(66)),
    ).toEqual(again.map((path) => basename(path)));
    const programs = again.find((path) => path.includes('programs-')) ?? '';
    const read = (file: string) => fileIn(programs, file);
    const bill = z
      .object({ bomFormat: z.literal('CycloneDX'), components: z.array(z.object({ purl: z.string() })) })
      .parse(JSON.parse(read('bom.cdx.json')));
    for (const name of [
      'std',
      'vestibule-auth/vestibule/sqlite',
      'github.com/ory/pop/v6',
      'modernc.org/sqlite',
    ])
      expect(
        bill.components.some(({ purl }) => purl.startsWith(`pkg:golang/${name}@`)),
        name,
      ).toBe(true);
    for (const name of ['github.com/ory/kratos', 'github.com/ory/hydra/v2', 'github.com/axllent/mailpit']) {
      expect(bill.components.filter(({ purl }) => purl.startsWith(`pkg:golang/${name}@v`))).toHaveLength(1);
    }
    expect(read('LICENSES.txt')).toContain('Apache License');
    const gateway = again.find((path) => !path.includes('programs-')) ?? '';
    const files = execFileSync('tar', ['-tzf', gateway], { encoding: 'utf8' });
    expect(files).toContain('package/dist/cli/main.js\n');
    expect(files).not.toMatch(/package\/dist\/.*spec|\.tsbuildinfo|secrets\//);
    expect(fileIn(gateway, 'LICENSES.txt')).toMatch(/^swagger-ui-dist \d/m);
    expect(fileIn(gateway, 'bom.cdx.json')).toContain('"pkg:npm/swagger-ui-dist@');
  },
);
