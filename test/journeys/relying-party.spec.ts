import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { shows } from '../support/browser.js';
import { signUpIn } from '../support/browser.person.js';
import { startFormPostApp } from '../support/form-post.app.js';
import { newPerson } from '../support/person.js';
import { timeout, useJourney } from './journey.js';

/** Milliseconds, on a machine that is busy with other things. */
const limit = 4 * timeout;

const app = await startFormPostApp();
const journey = useJourney({ env: { SPA_REDIRECT_URIS: app.redirectUri } });
const person = newPerson();

beforeAll(async () => {
  journey.expectOrigin(app.origin);
  await signUpIn(await journey.browser(), journey.url, person);
}, limit);

afterAll(() => app.stop());

/** Opens the application's link, which names the address that the user gave it, and the language that it is in. */
async function logInFrom(page: Page): Promise<void> {
  await page.goto(
    `${app.origin}/login?${new URLSearchParams({ login_hint: person.email, ui_locales: 'fr-CA de' })}`,
  );
  await page.getByRole('heading', { name: 'Anmelden' }).waitFor();
  expect(await page.locator('html').getAttribute('lang')).toBe('de');
  expect(await page.getByLabel('E-Mail').inputValue()).toBe(person.email);
  await page.getByLabel('Passwort', { exact: true }).fill(person.password);
  await page.getByRole('main').getByRole('button', { name: 'Anmelden', exact: true }).click();
  await page.getByRole('button', { name: 'Erlauben' }).click();
}

it(
  'a relying party is given the issuer alone: its metadata names what the login then does',
  async () => {
    const metadata = await app.connect(`${journey.url}/ory/hydra`, 'vestibule-spa');
    expect(metadata['scopes_supported']).toEqual(expect.arrayContaining(['openid', 'profile', 'email']));
    expect(metadata['response_modes_supported']).toContain('form_post');
    expect(metadata['ui_locales_supported']).toEqual(['en', 'de']);
  },
  limit,
);

it(
  'a user of an app with form_post finds the login in the app’s language and their address filled in, and comes back logged in',
  async () => {
    const page = await journey.browser({ locale: 'en-GB' });
    await logInFrom(page);
    await page.waitForURL(app.redirectUri);
    expect(await shows(page.getByRole('heading', { name: `Logged in as ${person.email}` }))).toBe(true);
    expect(app.posters.at(-1)).toBe(journey.url);
  },
  limit,
);

it(
  'where no scripts run, the user presses a button on the way back to the app',
  async () => {
    const page = await journey.browser({ locale: 'en-GB', javaScriptEnabled: false });
    await logInFrom(page);
    await page.getByRole('button', { name: 'Weiter' }).click();
    await page.waitForURL(app.redirectUri);
    expect(await shows(page.getByRole('heading', { name: `Logged in as ${person.email}` }))).toBe(true);
  },
  limit,
);
