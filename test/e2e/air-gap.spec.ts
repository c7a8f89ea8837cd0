import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { checkoutFilter, makeBundle } from '../../scripts/bundle.mjs';
import { type Namespace, openNamespace } from '../support/air-gap.namespace.js';
import { BrowserWatch, launchChromium, shows } from '../support/browser.js';
import { logInIn, logOutIn, signUpIn } from '../support/browser.person.js';
import { newPerson } from '../support/person.js';

/** Nobody else is in that network. */
const port = '3000';
const url = `http://localhost:${port}`;
const checkout = fileURLToPath(new URL('../..', import.meta.url));
const silent = { line: () => undefined, step: () => ({ done: () => undefined, failed: () => undefined }) };
let folder: string;
let site: string;
let bundle: Awaited<ReturnType<typeof makeBundle>>;
let namespace: Namespace;

/** What the bundle's programs get: no npm, no Go and no cache of this machine. */
function environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const nothing = join(folder, 'nothing');
  return {
    PATH: nothing,
    HOME: nothing,
    PORT: port,
    DATA_DIR: join(folder, 'data'),
    AIR_GAPPED: 'true',
    ...more,
  };
}

/** `nsenter` needs a PATH and the program none. */
function startCommand(env: Readonly<Record<string, string>>): readonly string[] {
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return ['env', '-i', ...settings, process.execPath, 'scripts/start.mjs'];
}

beforeAll(async () => {
  namespace = await openNamespace();
  folder = await mkdtemp(join(tmpdir(), 'vestibule-air gap-'));
  await mkdir(join(folder, 'nothing'));
  bundle = await makeBundle(join(folder, 'vestibule.tar.gz'), { level: 1, progress: silent });
  execFileSync('tar', ['-xzf', bundle.path, '-C', folder]);
  site = join(folder, bundle.folderName);
}, 600_000);

afterAll(async () => {
  await namespace?.remove();
  await rm(folder, { recursive: true, force: true });
});

it('the network of this test has nothing but loopback, and counts who tries to leave it', async () => {
  const links = await namespace.run(['ip', '-o', 'link']);
  expect(links.output.trim().split('\n')).toEqual([expect.stringContaining('lo: ')]);
  for (const planted of [
    "fetch('http://198.51.100.7/')",
    "fetch('http://[2001:db8::7]/')",
    "require('node:dns').promises.lookup('planted.example')",
    "require('node:dgram').createSocket('udp4').send('x', 9, '192.0.2.1', () => process.exit(1))",
  ]) {
    const before = await namespace.attempts();
    const { code } = await namespace.run([process.execPath, '-e', planted]);
    expect(code, planted).toBe(1);
    expect(await namespace.attempts(), planted).toBeGreaterThan(before);
  }
});

it('what lies in the checkout and is not of it is not handed on', () => {
  const isOfCheckout = checkoutFilter();
  const paths = [
    'docker',
    'docker/kratos/kratos.yml',
    'dist/main.js',
    'docker/kratos/backup.sqlite',
    'docker/.secret',
  ];
  expect(paths.filter((path) => isOfCheckout(join(checkout, path)))).toEqual(paths.slice(0, 3));
});

it('the archive has its sum beside it, and every file in it one inside', async () => {
  const sum = createHash('sha256')
    .update(await readFile(bundle.path))
    .digest('hex');
  expect(await readFile(`${bundle.path}.sha256`, 'utf8')).toBe(`${sum}  vestibule.tar.gz\n`);
  const checked = execFileSync('sha256sum', ['--quiet', '-c', 'SHA256SUMS'], { cwd: site, encoding: 'utf8' });
  expect(checked).toBe('');
  const listed = await readFile(join(site, 'SHA256SUMS'), 'utf8');
  for (const path of [
    'bin/kratos',
    'bin/hydra',
    'bin/mailpit',
    'dist/main.js',
    'docker/kratos/kratos.yml',
    'LICENSE',
  ]) {
    expect(listed).toContain(`  ${path}\n`);
  }
  expect(listed).not.toMatch(
    / {2}(?:node_modules\/(?:vitest|typescript)\/|docker\/(?:secrets|tools)\/|\.env$)/m,
  );
});

it('nothing in the archive depends on who made it, when, and in which order', async () => {
  const listing = execFileSync('tar', ['--numeric-owner', '--utc', '-tvzf', bundle.path], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  const entries = listing
    .trimEnd()
    .split('\n')
    .map((line) => /^(\S+) +(\S+) +\d+ (\S+ \S+) (.+)$/.exec(line));
  expect(new Set(entries.map((entry) => entry?.[1]))).toEqual(
    new Set(['drwxr-xr-x', '-rw-r--r--', '-rwxr-xr-x']),
  );
  expect(new Set(entries.map((entry) => `${entry?.[2]} ${entry?.[3]}`))).toEqual(
    new Set(['0/0 1970-01-01 00:00']),
  );
  const paths = entries.map((entry) => entry?.[4]?.replace(/\/$/, '').replaceAll('/', '\0') ?? '');
  expect(paths).toEqual([...paths].sort());
  const header = (await readFile(bundle.path)).subarray(4, 8);
  expect([...header]).toEqual([0, 0, 0, 0]);
});

it('from the bundle to a login and out again: nothing tries to leave', async () => {
  const before = await namespace.attempts();
  const installed = await namespace.run([process.execPath, join(site, 'install.mjs')]);
  expect(installed).toMatchObject({ code: 0, output: expect.stringContaining('node scripts/start.mjs') });
  const outerPath = { PATH: process.env['PATH'] ?? '' };
  const launcher = namespace.spawn(startCommand(environment()), site, outerPath);
  const browser = await launchChromium(await namespace.wrapper(inject('chromiumPath')));
  try {
    await prints(launcher, 'Vestibule is ready');
    const context = await browser.newContext();
    context.setDefaultTimeout(30_000);
    const watch = new BrowserWatch(context);
    const page = await context.newPage();
    const person = newPerson();
    await signUpIn(page, url, person);
    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByLabel('Name').fill('Grace Hopper');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Your profile has been saved').waitFor();
    await page.goto(url);
    await logOutIn(page);
    await logInIn(page, url, person);
    expect(await shows(page.getByRole('heading', { name: 'Grace Hopper' }))).toBe(true);
    await page.goto(`${url}/docs`);
    expect(await shows(page.getByRole('button', { name: 'GET /api/v1/me', exact: false }).first())).toBe(
      true,
    );
    await page.goto(url);
    await logOutIn(page);
    expect(watch.origins()).toEqual([url]);
    expect((await namespace.attempts()) - before).toBe(0);

    // The browser is counted as well.
    await page.goto('http://198.51.100.7/').catch(() => undefined);
    expect((await namespace.attempts()) - before).toBeGreaterThan(0);
  } finally {
    await browser.close();
    launcher.kill('SIGTERM');
    await once(launcher, 'close');
  }
  expect(launcher.exitCode).toBe(0);
}, 300_000);

it('an outside host is refused before anything is started, by the name of its variable', async () => {
  const outside = { REDIS_URL: 'redis://198.51.100.7:6379', DATA_DIR: join(folder, 'unused') };
  const refused = await namespace.run(startCommand(environment(outside)), site);
  expect(refused.code).toBe(78);
  expect(refused.output).toContain('REDIS_URL: leads out of the private network');
  expect(refused.output).not.toContain('198.51.100.7');
});

it('a setting of Ory that would make outside requests is refused by its name', async () => {
  const path = join(site, 'docker', 'kratos', 'kratos.yml');
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace('haveibeenpwned_enabled: false', 'haveibeenpwned_enabled: true'));
  const refused = await namespace.run(startCommand(environment({ DATA_DIR: join(folder, 'other') })), site);
  await writeFile(path, text);
  expect(refused.code).toBe(78);
  expect(refused.output).toContain('kratos.yml: haveibeenpwned_enabled must be false');
});

it('the installation reports which file was changed', async () => {
  await appendFile(join(site, 'dist', 'main.js'), '\n');
  await writeFile(join(site, 'dist', 'planted.js'), '');
  await rm(join(site, 'LICENSE'));
  const { code, output } = await namespace.run([process.execPath, join(site, 'install.mjs')]);
  expect(code).toBe(1);
  expect(
    output
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.trim()),
  ).toEqual([
    'LICENSE is missing',
    "dist/planted.js doesn't belong to it",
    'dist/main.js is not as it was packed',
  ]);
});

/** Resolves when a program has printed a text. @throws when it ends before. */
async function prints(child: ReturnType<Namespace['spawn']>, text: string): Promise<void> {
  let output = '';
  await new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      output += String(chunk);
      if (output.includes(text)) {
        resolve();
      }
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('close', () => reject(new Error(`ended before it was ready:\n${output}`)));
  });
}
