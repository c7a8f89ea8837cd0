import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { logInIn } from '../support/browser.person.js';
import { blockRunBy } from '../support/document.blocks.js';
import { waitUntil } from '../support/stack.js';
import { checkout, timeout, useJourney } from './journey.js';

const blockOf = (name: string): string =>
  blockRunBy('README.md', 'test/journeys/readme-commands.spec.ts', name);

const journey = useJourney({ start: { commands: blockOf('start'), ports: [3000, 3001], isFirst: true } });

/** A printed line as a pattern: numbers are others each time, and so is what `…` stands for. */
function patternOf(line: string): RegExp {
  const text = journey.printed(line).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const loose = text.replace(/\d+(?=\\\.\d+ s)/, '\\d+').replace(/(?<=\\d\+\\\.)\d+/, '\\d+');
  return new RegExp(`^${loose.replace(/(?<=127\\.0\\.0\\.1:)\d+/, '\\d+').replace('…', '\\S+')}$`, 'm');
}

/** A desktop that opens what it is told to: the folder of its `xdg-open`, and what was opened last. */
function desktop(): { readonly path: string; readonly opened: () => string | undefined } {
  const folder = join(journey.folder, '..', 'desktop');
  const [path, note] = [join(folder, 'xdg-open'), join(folder, 'opened')];
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, `#!/bin/sh\nprintf %s "$1" > '${note}.part' && mv '${note}.part' '${note}'\n`);
  chmodSync(path, 0o755);
  return { path: folder, opened: () => (existsSync(note) ? readFileSync(note, 'utf8') : undefined) };
}

it('`npm start` prints what the README shows, in that order', () => {
  const lines = blockOf('printed')
    .split('\n')
    .filter((line) => line !== '');
  expect(lines).toHaveLength(4);
  const places = lines.map((line) => journey.terminal().search(patternOf(line)));
  expect(places).not.toContain(-1);
  expect(places).toEqual(places.toSorted((one, other) => one - other));
});

it(
  'every command of "From the command line", each in a new shell',
  async () => {
    const { path, opened } = desktop();
    const PATH = `${path}:${journey.env['PATH']}`;
    const [login = '', whoami = '', call = '', doctor = '', logout = '', ...more] = blockOf('command line')
      .trimEnd()
      .split('\n');
    expect(more).toEqual([]);

    const page = await journey.browser();
    await logInIn(page, journey.url, journey.administrator);
    const loggingIn = journey.shell(login, { PATH });
    const outcome = loggingIn.then(({ stderr }) => {
      throw new Error(`it ended before it opened a browser: ${stderr}`);
    });
    await Promise.race([
      waitUntil(() => opened() !== undefined, 'the browser to be opened', 3 * timeout),
      outcome,
    ]);
    outcome.catch(() => undefined);
    const address = new URL(opened() ?? '');
    journey.expectOrigin(new URL(address.searchParams.get('redirect_uri') ?? '').origin);
    await page.goto(address.href);
    await page.getByRole('button', { name: 'Allow' }).click();
    const { email } = journey.administrator;
    expect(await loggingIn).toMatchObject({
      status: 0,
      stderr: expect.stringContaining(`Logged in at ${journey.url} as ${email}.`),
    });

    expect(await journey.shell(whoami)).toMatchObject({ status: 0, stdout: expect.stringContaining(email) });
    const answer = await journey.shell(call);
    expect(JSON.parse(answer.stdout)).toMatchObject({ email });
    expect(await journey.shell(doctor)).toMatchObject({ status: 0, stdout: 'all good\n' });
    expect(await journey.shell(logout)).toMatchObject({ status: 0 });
    expect(await journey.shell(whoami)).toMatchObject({ status: 1, stdout: '' });
  },
  8 * timeout,
);

it(
  'every command of docs/doctor.md, in the folder of `npm start`',
  async () => {
    const commands = blockRunBy('docs/doctor.md', 'test/journeys/readme-commands.spec.ts').trimEnd();
    const outcomes = [];
    for (const command of commands.split('\n')) {
      outcomes.push(await journey.shell(command));
    }
    expect(outcomes).toMatchObject([
      { status: 0, stdout: 'all good\n' },
      { status: 0, stdout: expect.stringContaining('"ok": true') },
      { status: 0, stdout: 'all good\n' },
    ]);
  },
  8 * timeout,
);

it(
  'a second copy beside the first, with its own settings in `.env`',
  async () => {
    const readme = readFileSync(join(checkout, 'README.md'), 'utf8');
    const [, settings] = /in a file `\.env` \(`(cp [^`]+)`\)/.exec(readme) ?? [];
    const [, second] = /a second copy beside the first, use\s+`([^`]+npm start)`/.exec(readme) ?? [];
    expect(await journey.shell(settings ?? 'false')).toMatchObject({ status: 0 });
    const copy = await journey.startBeside(second ?? 'false');
    try {
      expect(copy.url).toBe(journey.printed('http://localhost:3001'));
      expect((await fetch(copy.url)).status).toBe(200);
    } finally {
      await copy.stop();
    }
  },
  8 * timeout,
);
