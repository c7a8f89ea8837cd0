import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { packRelease } from '../../scripts/release-pack.mjs';
import { findFreePorts } from '../../src/launcher/port.finder.js';
import { closeContexts, sharedChromium } from '../support/browser.js';
import { logInIn } from '../support/browser.person.js';
import { type RunningStart, checkout, startLimitMs, startVestibule } from './started.vestibule.js';

const lockedSchema = z.looseObject({
  dev: z.boolean().optional(),
  devOptional: z.boolean().optional(),
  link: z.boolean().optional(),
});
const lockSchema = z.object({ packages: z.record(z.string(), lockedSchema) });
const manifestSchema = z.looseObject({ name: z.string(), overrides: z.looseObject({}).optional() });
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
    // In place of the registry: what this machine has downloaded from it.
    npm_config_registry: npmSetting('registry'),
    npm_config_cache: npmSetting('cache'),
    npm_config_offline: 'true',
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

const readJson = (...path: string[]): unknown => JSON.parse(readFileSync(join(...path), 'utf8'));

function manifestIn(tarball: string): z.output<typeof manifestSchema> {
  const text = execFileSync('tar', ['-xzOf', tarball, 'package/package.json'], { encoding: 'utf8' });
  return manifestSchema.parse(JSON.parse(text));
}

/** A project that has the tarballs, and of other packages the versions that this machine has downloaded: those of the lock file. */
function makeProject(project: string, tarballs: readonly string[]): void {
  mkdirSync(project);
  const manifests = tarballs.map((path) => ({ ...manifestIn(path), resolved: `file:${path}` }));
  const dependencies = Object.fromEntries(manifests.map(({ name, resolved }) => [name, resolved]));
  const { overrides } = manifestSchema.parse(readJson(checkout, 'package.json'));
  const locked = Object.entries(lockSchema.parse(readJson(checkout, 'package-lock.json')).packages).filter(
    ([path, { dev, devOptional, link }]) =>
      path.startsWith('node_modules/') && dev !== true && devOptional !== true && link !== true,
  );
  const packages = {
    '': { dependencies },
    ...Object.fromEntries(locked),
    ...Object.fromEntries(manifests.map((manifest) => [`node_modules/${manifest.name}`, manifest])),
  };
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, dependencies, overrides }));
  writeFileSync(join(project, 'package-lock.json'), JSON.stringify({ lockfileVersion: 3, packages }));
}

it(
  'a self-hoster with Node alone installs the packages, starts, and logs in',
  async () => {
    const project = join(folder, 'project');
    makeProject(project, await packRelease(join(folder, 'release'), [`${process.platform}-${process.arch}`]));
    execFileSync('npm', ['install', '--no-audit', '--no-fund'], { cwd: project, env: environment });

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
  'the tarballs are the same for everyone, with sums, licences and a bill of materials',
  { timeout: 600_000 },
  async () => {
    const release = join(folder, 'release');
    const sums = readFileSync(join(release, 'SHA256SUMS'), 'utf8');
    const umask = process.umask(0o077);
    const again = await packRelease(join(folder, 'again'), [`${process.platform}-${process.arch}`]).finally(
      () => process.umask(umask),
    );
    expect(readFileSync(join(folder, 'again', 'SHA256SUMS'), 'utf8')).toBe(sums);
    expect(
      sums
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.slice(66)),
    ).toEqual(again.map((path) => basename(path)));
    const programs = again.find((path) => path.includes('programs-')) ?? '';
    const read = (file: string) =>
      execFileSync('tar', ['-xzOf', programs, `package/${file}`], { encoding: 'utf8', maxBuffer: 2 ** 26 });
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
    expect(files).not.toMatch(/spec|\.tsbuildinfo|node_modules|secrets\//);
  },
);
