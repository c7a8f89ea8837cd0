import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { axeViolations } from '../support/axe.js';
import { letIn } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { OryAdmin } from '../support/ory.admin.js';
import { newPerson } from '../support/person.js';

const folder = mkdtempSync(join(tmpdir(), 'vestibule-brand-'));
const logo =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="4" fill="#c60"/></svg>';
writeFileSync(join(folder, 'logo.svg'), logo);
writeFileSync(
  join(folder, 'fr.json'),
  JSON.stringify({ 'login.title': 'Se connecter', 'site.logIn': 'Connexion' }),
);

const stage = useStage({
  stack: {
    env: {
      BRAND_NAME: 'Analytical Engines',
      BRAND_LOGO: join(folder, 'logo.svg'),
      BRAND_COLOR: '#ffd500',
      LOCALES_DIR: folder,
      DEFAULT_LANGUAGE: 'de',
    },
  },
  context: { locale: 'en-GB' },
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the brand', () => {
  it('name, logo and colour are on the pages, and axe finds nothing wrong with any of it', async () => {
    const { page, stack } = stage;
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await page.goto(`${stack.url}/auth/login`);
    expect(await page.title()).toBe('Log in · Analytical Engines');
    // The card of a way in carries the brand; the header of every other page does.
    const card = page.getByRole('main');
    expect(await card.getByRole('link', { name: 'Analytical Engines' }).isVisible()).toBe(true);
    expect(await page.getByRole('contentinfo').innerText()).toContain('Analytical Engines');
    const source = await card.locator('img').getAttribute('src');
    expect(await (await page.request.get(stack.url + (source ?? ''))).text()).toBe(logo);
    const button = page.getByRole('button', { name: 'Log in', exact: true });
    const colours = new Set<string>();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      colours.add(await button.evaluate((element) => getComputedStyle(element).backgroundColor));
      expect(await axeViolations(page)).toEqual([]);
    }
    expect(colours.size).toBe(2);
    expect(stage.watch.errors).toEqual([]);
  });

  it('colours avatars, and the logo where the product has none of its own', async () => {
    const { page, stack } = stage;
    const teal = ['rgb(13, 104, 97)', '#16807a'];
    await stack.restartGateway({ BRAND_LOGO: '' });
    const person = newPerson();
    await new OryAdmin(stack.env).createPerson(person);
    await letIn(page, stack.url, person);
    await page.goto(stack.url);
    const avatar = page.getByRole('main').locator('.avatar').first();
    const colour = await avatar.evaluate((element) => getComputedStyle(element).backgroundColor);
    expect([colour.startsWith('rgb('), teal.includes(colour)]).toEqual([true, false]);
    const source = await page.getByRole('banner').locator('img').getAttribute('src');
    const svg = await (await page.request.get(stack.url + (source ?? ''))).text();
    expect([svg.includes('<svg'), teal.some((own) => svg.includes(own))]).toEqual([true, false]);
    await stack.restartGateway({ BRAND_LOGO: join(folder, 'logo.svg') });
  });
});

describe('the language', () => {
  it('is what the browser asks for, from the welcome to the account; what a language lacks is English', async () => {
    const { stack } = stage;
    const page = await stage.other({ locale: 'fr-CA' });
    await page.goto(`${stack.url}/auth/login`);
    expect(await page.locator('html').getAttribute('lang')).toBe('fr');
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Se connecter');
    expect(await page.getByRole('link', { name: 'Sign up' }).first().isVisible()).toBe(true);
  });

  it('a user signs up, mistypes a password, logs in and sees settings, all in German', async () => {
    const { stack } = stage;
    const page = await stage.other({ locale: 'de-AT' });
    const person = newPerson();
    await new OryAdmin(stack.env).createPerson(person);
    await page.goto(`${stack.url}/`);
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Willkommen');
    await page.getByRole('main').getByRole('link', { name: 'Anmelden' }).click();
    await page.getByLabel('E-Mail').fill(person.email);
    await page.getByLabel('Passwort').fill('not the right one');
    await page.keyboard.press('Enter');
    expect(await page.getByRole('alert').innerText()).toContain('E-Mail-Adresse oder Passwort stimmen nicht');
    expect(await page.title()).toBe('Fehler: Anmelden · Analytical Engines');
    await page.getByLabel('Passwort').fill(person.password);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${stack.url}/`);
    expect(await page.getByRole('heading', { name: 'Geräte' }).isVisible()).toBe(true);
    expect(await page.getByRole('article', { name: 'Geräte' }).innerText()).toContain('Chrome unter Linux');
    await page.goto(`${stack.url}/ui/settings`);
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Kontoeinstellungen');
    expect(await page.getByRole('heading', { name: 'Passwort', exact: true }).isVisible()).toBe(true);
    await page.getByLabel('Name', { exact: false }).first().fill('Ada');
    await page.getByRole('button', { name: 'Speichern' }).first().click();
    await page.getByText('Ihr Profil ist gespeichert.').waitFor();
    await page.goto(`${stack.url}/nirgends`);
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Hier ist nichts');
  });

  it('is DEFAULT_LANGUAGE for a browser that requests no available language, and a cache keeps them apart', async () => {
    const { stack } = stage;
    const answer = await fetch(`${stack.url}/`, { headers: { 'accept-language': 'ja' } });
    expect(await answer.text()).toContain('<html lang="de">');
    expect(answer.headers.get('vary')).toContain('accept-language');
  });
});
