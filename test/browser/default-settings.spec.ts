import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { checkout } from '../journeys/started.vestibule.js';
import { shows } from '../support/browser.js';
import { verifiedPerson } from '../support/browser.api.js';
import { fillLogin } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import type { Person } from '../support/person.js';
import { bringFromPyPi } from '../support/python.program.js';
import { type NewApplication, registerApplication } from '../support/registered.application.js';
import { type StartedServer, startServer } from '../support/service.program.js';

interface Library {
  readonly name: string;
  readonly callback: string;
  /** What an administrator chooses for it. */
  readonly settings: Pick<NewApplication, 'codeProtection'>;
  /** The button that begins a login, on a page of its own; without it, it leads to the login at once. */
  readonly button?: string;
  readonly command: (port: number) => readonly string[];
}

const programs = join(checkout, 'test', 'services', 'programs');
const node = (file: string) => (): readonly string[] => [process.execPath, join(programs, file)];

const libraries: readonly Library[] = [
  {
    name: 'express-openid-connect',
    callback: '/callback',
    settings: {},
    command: node('express-openid-connect.mjs'),
  },
  {
    name: 'Auth.js',
    callback: '/auth/callback/vestibule',
    settings: {},
    button: 'Sign in with Vestibule',
    command: node('auth-js.mjs'),
  },
  {
    name: 'passport-openidconnect',
    callback: '/callback',
    settings: { codeProtection: 'none' },
    command: node('passport-openidconnect.mjs'),
  },
  {
    name: 'Authlib',
    callback: '/callback',
    settings: { codeProtection: 'nonce' },
    command: (port) => [
      inject('pythonPath'),
      '-m',
      'flask',
      '--app',
      join(programs, 'authlib_app.py'),
      'run',
      '--port',
      `${port}`,
    ],
  },
];

const stage = useStage();
let person: Person;

beforeAll(async () => {
  person = await verifiedPerson(stage.stack);
});

describe.each(libraries)('$name, with the settings of its documentation', (library) => {
  let origin: string;
  let program: StartedServer;

  beforeAll(async () => {
    const [port = 0] = await findFreePorts(1);
    origin = `http://localhost:${port}`;
    const client = await registerApplication(stage.stack, {
      name: 'Wiki',
      redirectUris: [origin + library.callback],
      ...library.settings,
    });
    const folder = library.name === 'Authlib' ? await bringFromPyPi('authlib') : '';
    program = await startServer(`http://127.0.0.1:${port}/`, library.command(port), {
      cwd: programs,
      env: {
        ISSUER: `${stage.stack.url}/ory/hydra`,
        CLIENT_ID: client.id,
        CLIENT_SECRET: client.secret,
        ORIGIN: origin,
        PORT: `${port}`,
        COOKIE_SECRET: randomBytes(32).toString('hex'),
        PYTHONPATH: folder,
        PYTHONDONTWRITEBYTECODE: '1',
      },
    });
  });

  afterAll(() => program?.stop());

  beforeEach(() => {
    stage.welcome.push(origin);
  });

  it('logs a user in', async () => {
    const { page } = stage;
    await page.goto(origin);
    if (library.button !== undefined) {
      await page.getByRole('button', { name: library.button }).click();
    }
    await fillLogin(page, person);
    await page.getByRole('button', { name: 'Allow' }).click();
    expect(await shows(page.getByRole('heading', { name: `Logged in as ${person.email}` }))).toBe(true);
  });
});
