import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { shows } from '../support/browser.js';
import { fillSignUp } from '../support/browser.person.js';
import { blockRunBy } from '../support/document.blocks.js';
import { installPackages, packPackages } from '../support/packed.packages.js';
import { newPerson } from '../support/person.js';
import { waitUntil } from '../support/stack.js';
import { checkout, ownEnvironment, timeout, useJourney } from './journey.js';

const blockOf = (name: string): string =>
  blockRunBy('docs/verify.md', 'test/journeys/single-page-app.spec.ts', name);

const journey = useJourney({ start: { commands: blockOf('gateway'), ports: [3000, 5173] } });

/** The developer's pages: the script that each document prints, and what it finds on the page. */
const pages = {
  'index.html': { script: blockOf('app'), type: 'js' },
  'browser.html': {
    script: blockRunBy('packages/browser/README.md', 'test/journeys/single-page-app.spec.ts', 'browser'),
    type: 'js',
  },
  'react.html': {
    script: blockRunBy('packages/react/README.md', 'test/journeys/single-page-app.spec.ts', 'react'),
    type: 'jsx',
  },
};

const htmlOf = (source: string): string => `<!doctype html>
<title>App</title>
<button id="login">Log in</button>
<button id="logout">Log out</button>
<output></output>
<div id="root"></div>
<script type="module" src="/${source}"></script>
`;

let stop: () => Promise<void> = async () => undefined;

beforeAll(async () => {
  const folder = join(journey.folder, '..', 'app');
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'vite.config.js'), journey.printed(blockOf('vite')));
  for (const [name, { script, type }] of Object.entries(pages)) {
    const source = `${name.replace('.html', '')}.${type}`;
    writeFileSync(join(folder, source), script);
    writeFileSync(join(folder, name), htmlOf(source));
  }
  installPackages(folder, packPackages(join(folder, 'packed')));
  const vite = join(checkout, 'node_modules', 'vite', 'bin', 'vite.js');
  const child = spawn(process.execPath, [vite, '--strictPort'], {
    cwd: folder,
    env: ownEnvironment(),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  stop = async () => {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  };
  await waitUntil(
    async () => {
      expect(child.exitCode).toBeNull();
      return fetch(`${journey.url}/app`).then(
        ({ status }) => status === 200,
        () => false,
      );
    },
    'the development server to answer',
    2 * timeout,
  );
}, 3 * timeout);

afterAll(async () => stop());

it(
  'an app on a development server logs in, knows the user, and logs out in all tabs, by the code on the page',
  async () => {
    const page = await journey.browser();
    const person = newPerson();
    await page.goto(`${journey.url}/app`);
    await page.getByText('No user is logged in.').waitFor();
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('main').getByRole('link', { name: 'Sign up' }).click();
    await fillSignUp(page, person);
    await page.waitForURL(`${journey.url}/app`);
    expect(await shows(page.getByText(person.email))).toBe(true);

    const reactTab = await page.context().newPage();
    await reactTab.goto(`${journey.url}/react.html`);
    await reactTab.locator('#root').getByText(person.email).waitFor();
    const tab = await page.context().newPage();
    await tab.goto(`${journey.url}/browser.html`);
    expect(await shows(tab.getByText(person.email))).toBe(true);
    await tab.getByRole('button', { name: 'Log out' }).first().click();
    await tab.waitForURL(`${journey.url}/`);
    const login = reactTab.waitForRequest((request) => new URL(request.url()).pathname === '/auth/login');
    await reactTab.locator('#root').getByRole('button', { name: 'Log in' }).click();
    expect(new URL((await login).url()).searchParams.get('return_to')).toBe('/react.html');
  },
  4 * timeout,
);
