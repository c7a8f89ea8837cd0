import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, expect, it } from 'vitest';
import { findFreePorts } from '../../../../../launcher/port-finder.js';
import { fillLogin, logInIn, signUpIn } from '../../../../../../test/support/browser.person.js';
import { shows } from '../../../../../../test/support/browser.js';
import { newPerson } from '../../../../../../test/support/person.js';
import { type StartedServer, startServer } from '../../../../../../test/support/service.program.js';
import { checkout, timeout, useJourney } from '../../../../../../test/journeys/journey.js';

/** Milliseconds, on a machine that is busy with other things. */
const limit = 8 * timeout;
const journey = useJourney();
const [port = 0] = await findFreePorts(1);
const origin = `http://127.0.0.1:${port}`;
/** The web application, once it runs. */
let wiki: StartedServer | undefined;
let starts = 0;

afterAll(async () => {
  await wiki?.stop();
});

/** The web application of a team, which has what every Express application has, before the login is copied into it. */
const before = `
import express from 'express';

const app = express();
const sessions = new Map();
app.use((request, response, next) => {
  const [, known] = /(?:^|; )app=([^;]+)/.exec(request.headers.cookie ?? '') ?? [];
  const id = known ?? crypto.randomUUID();
  response.setHeader('set-cookie', \`app=\${id}; Path=/; HttpOnly; SameSite=Lax\`);
  request.session = sessions.get(id) ?? {};
  sessions.set(id, request.session);
  next();
});
`;
const after = `
app.get('/', (request, response) => {
  const { user } = request.session;
  response.type('html').send(\`<!doctype html><title>Wiki</title><h1>\${user ? 'Welcome, ' + user.email : 'Please log in'}</h1>\`);
});
app.use((error, request, response, next) => {
  response.status(500).type('html').send(\`<!doctype html><title>Wiki</title><h1>Failed: \${error.error ?? error.code}</h1>\`);
});
app.listen(${port}, '127.0.0.1');
`;

/** Starts the web application, or starts it again, with the settings that were copied. */
async function startWiki(settings: string, secret: string): Promise<void> {
  await wiki?.stop();
  wiki = undefined;
  starts += 1;
  const folder = join(journey.dataDir, '..', `wiki-${starts}`);
  mkdirSync(folder);
  symlinkSync(join(checkout, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'server.mjs'), before + settings + after);
  const env = { PATH: process.env['PATH'], CLIENT_SECRET: secret };
  wiki = await startServer(`${origin}/`, [process.execPath, 'server.mjs'], { cwd: folder, env });
}

const headingOf = async (page: Page): Promise<string> =>
  page.getByRole('heading', { level: 1 }).first().innerText();

let admin: Page;
let secret = '';
let settings = '';
const user = newPerson();

/** Logs the user in to the web application. @returns what it then shows. */
async function logInToWiki(page: Page): Promise<string> {
  await page.goto(`${origin}/login`);
  await page.waitForURL(`${origin}/**`);
  return headingOf(page);
}

it(
  'an administrator registers a web application on the pages, and copies what they show into it',
  async () => {
    admin = await journey.browser();
    await logInIn(admin, journey.url, journey.administrator);
    await admin.getByRole('link', { name: 'Administration' }).click();
    await admin.getByRole('link', { name: 'Applications' }).click();
    expect(await shows(admin.getByText('No application has been registered yet.'))).toBe(true);
    await admin.getByRole('link', { name: 'Register an application' }).click();
    await admin.getByLabel('Name').fill('Wiki');
    // A mistake is stated at its field, and what was typed is still there.
    await admin.getByLabel('Redirect URIs').fill('http://wiki.example.org/callback');
    await admin.getByRole('button', { name: 'Register' }).click();
    await admin.getByText('must begin with https://').waitFor();
    expect(await admin.getByLabel('Name').inputValue()).toBe('Wiki');
    await admin.getByLabel('Redirect URIs').fill(`${origin}/callback`);
    await admin.getByRole('button', { name: 'Register' }).click();

    await admin.getByRole('heading', { name: 'Wiki is registered' }).waitFor();
    secret = await admin.getByLabel('Client secret').inputValue();
    const id = await admin.getByLabel('Client id').inputValue();
    expect(await admin.getByLabel('Issuer').inputValue()).toBe(`${journey.url}/ory/hydra`);
    const discovery = await admin.getByLabel('Discovery URL').inputValue();
    expect(await (await fetch(discovery)).json()).toMatchObject({ issuer: `${journey.url}/ory/hydra` });

    await admin.getByRole('link', { name: 'Go to its settings' }).click();
    expect(await headingOf(admin)).toBe('Wiki');
    expect(await admin.content()).not.toContain(secret);
    await admin.getByText('Express (openid-client)', { exact: true }).click();
    settings = await admin.getByLabel('Settings for Express (openid-client)').inputValue();
    expect(settings).toContain(id);
    await startWiki(settings, secret);
  },
  limit,
);

it(
  'a user logs in there with their account here, once they have agreed',
  async () => {
    journey.expectOrigin(origin);
    const page = await journey.browser();
    await signUpIn(page, journey.url, user);
    await page.goto(`${origin}/`);
    expect(await headingOf(page)).toBe('Please log in');
    await page.goto(`${origin}/login`);
    await page.getByRole('heading', { name: 'Allow Wiki to use your account?' }).waitFor();
    await page.getByLabel("Remember this, and don't ask again").check();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.waitForURL(`${origin}/`);
    expect(await headingOf(page)).toBe(`Welcome, ${user.email}`);
  },
  limit,
);

it(
  'the administrator makes a new secret, the old one is accepted meanwhile, and removes the application',
  async () => {
    await admin.getByLabel('The previous secret is accepted for').selectOption('7 days');
    await admin.getByRole('button', { name: 'Make a new secret' }).click();
    await admin.getByRole('heading', { name: 'New secret of Wiki' }).waitFor();
    const next = await admin.getByLabel('Client secret').inputValue();
    expect(next).not.toBe(secret);
    expect(await shows(admin.getByText('The previous secret is accepted until'))).toBe(true);

    const page = await journey.browser();
    await page.goto(`${origin}/login`);
    await page.getByText('Afterwards you go on to Wiki.').waitFor();
    await fillLogin(page, user);
    await page.waitForURL(`${origin}/`);
    expect(await headingOf(page)).toBe(`Welcome, ${user.email}`);
    await startWiki(settings, next);
    expect(await logInToWiki(page)).toBe(`Welcome, ${user.email}`);

    await admin.getByRole('link', { name: 'Go to its settings' }).click();
    await admin.getByRole('link', { name: 'Remove this application' }).click();
    await admin.getByRole('heading', { name: 'Remove Wiki?' }).waitFor();
    await admin.getByRole('button', { name: 'Remove this application' }).click();
    await admin.getByText('The application has been removed.').waitFor();
    await page.goto(`${origin}/login`);
    // Nothing leads back to an application that isn't known.
    expect(new URL(page.url()).origin).toBe(journey.url);
    expect(await headingOf(page)).not.toContain('Welcome');
  },
  limit,
);
