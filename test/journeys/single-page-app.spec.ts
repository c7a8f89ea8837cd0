import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { shows } from '../support/browser.js';
import { fillSignUp } from '../support/browser.person.js';
import { blockRunBy } from '../support/document.blocks.js';
import { newPerson } from '../support/person.js';
import { waitUntil } from '../support/stack.js';
import { checkout, ownEnvironment, timeout, useJourney } from './journey.js';

const blockOf = (name: string): string =>
  blockRunBy('docs/verify.md', 'test/journeys/single-page-app.spec.ts', name);

const journey = useJourney({ start: { commands: blockOf('gateway'), ports: [3000, 5173] } });

/** The developer's page: the link and the script of the page, and what the script says. */
const html = `<!doctype html>
<title>App</title>
${blockOf('link')}
<button>Log out</button>
<output></output>
<script type="module">
  ${blockOf('session')}
  document.querySelector('output').textContent = session === undefined ? 'nobody' : session.user.email;
  document.querySelector('button').onclick = async () => {
    ${blockOf('logout')}
  };
</script>
`;

let stop: () => Promise<void> = async () => undefined;

beforeAll(async () => {
  const folder = join(journey.folder, '..', 'app');
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'vite.config.js'), journey.printed(blockOf('vite')));
  writeFileSync(join(folder, 'index.html'), html);
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
  'an app on a development server logs in, knows the user, and logs out, by the code on the page',
  async () => {
    const page = await journey.browser();
    const person = newPerson();
    await page.goto(`${journey.url}/app`);
    await page.getByText('nobody').waitFor();
    await page.getByRole('link', { name: 'Log in' }).click();
    await page.getByRole('main').getByRole('link', { name: 'Sign up' }).click();
    await fillSignUp(page, person);
    await page.waitForURL(`${journey.url}/app/`);
    expect(await shows(page.getByText(person.email))).toBe(true);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.waitForURL(`${journey.url}/`);
    await page.getByText('nobody').waitFor();
  },
  4 * timeout,
);
