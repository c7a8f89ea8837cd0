import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { namelessIn, shows } from '../support/browser.js';
import { fillLogin, letIn } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { type ClientServer, startClientServer } from '../support/client.server.js';
import { OAuthApp } from '../support/oauth.app.js';
import { OryAdmin } from '../support/ory.admin.js';
import { newPerson } from '../support/person.js';

const stage = useStage();
const person = newPerson();

beforeAll(async () => {
  await new OryAdmin(stage.stack.env).createPerson(person);
});

/**
 * Chromium holds a form's `form-action` against every redirect after its submission, so an application on another origin
 * is only reached when the page with the form names it.
 */
describe.each(['127.0.0.1', 'localhost'] as const)('an application at %s, on another port', (host) => {
  let server: ClientServer;
  let trusted: OAuthApp;
  let app: OAuthApp;

  beforeAll(async () => {
    server = await startClientServer(host);
    const admin = new OryAdmin(stage.stack.env);
    const make = async (definition: Readonly<Record<string, unknown>>) => {
      const client = await admin.createClient({ redirect_uris: [server.redirectUri], ...definition });
      return new OAuthApp(stage.stack.url, client, server.redirectUri);
    };
    app = await make({ client_name: 'Calendar' });
    trusted = await make({ client_name: 'Of the house', skip_consent: true });
  });

  afterAll(async () => {
    await server?.stop();
  });

  beforeEach(() => {
    stage.welcome.push(new URL(server.redirectUri).origin);
  });

  /** Waits until the browser is back at the application. @returns what it brought along. */
  async function arrival(): Promise<URLSearchParams> {
    await stage.page.getByRole('heading', { name: 'Back at the application' }).waitFor();
    const url = new URL(stage.page.url());
    expect(url.origin + url.pathname).toBe(server.redirectUri);
    return url.searchParams;
  }

  async function start(application: OAuthApp): Promise<string> {
    const { path, state } = application.authorize({ audience: undefined });
    await stage.page.goto(stage.stack.url + path);
    return state;
  }

  it('log in, Allow: the application gets a code', async () => {
    const { page } = stage;
    const state = await start(app);
    await page.getByRole('heading', { name: 'Log in', exact: true }).waitFor();
    await fillLogin(page, person);
    await page.getByRole('heading', { name: 'Allow Calendar to use your account?' }).waitFor();
    expect(
      await page
        .getByRole('banner')
        .getByRole('link', { name: /Log in|Sign up/ })
        .count(),
    ).toBe(0);
    expect(await page.getByRole('main').innerText()).toContain(
      'The answer goes to a program on this device.',
    );
    expect(await shows(page.getByText(`You are logged in as ${person.email}.`))).toBe(true);
    expect(await page.getByRole('checkbox', { name: 'See your e-mail address' }).isChecked()).toBe(true);
    expect(await namelessIn(page)).toEqual([]);
    await page.getByRole('button', { name: 'Allow' }).click();
    const answer = await arrival();
    expect(answer.get('state')).toBe(state);
    expect(answer.get('code')).toMatch(/^ory_ac_/);
    expect(answer.has('error')).toBe(false);
  });

  it('log in: an application that asked for form_post gets the code in a form', async () => {
    const { page } = stage;
    const { path, state } = trusted.authorize({ audience: undefined, response_mode: 'form_post' });
    await page.goto(stage.stack.url + path);
    await fillLogin(page, person);
    await page.getByRole('heading', { name: 'Back at the application' }).waitFor();
    expect(page.url()).toBe(server.redirectUri);
    const answer = new URLSearchParams(server.forms.at(-1));
    expect([answer.get('state'), answer.get('code')]).toEqual([state, expect.stringMatching(/^ory_ac_/)]);
  });

  it('an application that needs no consent is reached from the login form itself', async () => {
    await start(trusted);
    await fillLogin(stage.page, person);
    expect((await arrival()).get('code')).toMatch(/^ory_ac_/);
  });

  // What happens on the way is the same, whatever the host.
  describe.each(host === 'localhost' ? [host] : [])('on the way to %s', () => {
    it('log in, Deny: the application gets access_denied', async () => {
      const { page } = stage;
      const state = await start(app);
      await fillLogin(page, person);
      await page.getByRole('button', { name: 'Deny' }).click();
      const answer = await arrival();
      expect(answer.get('state')).toBe(state);
      expect(answer.get('error')).toBe('access_denied');
      expect(answer.has('code')).toBe(false);
    });

    it('an application that needs no consent is reached from the registration form itself', async () => {
      const { page } = stage;
      const newcomer = newPerson();
      await start(trusted);
      await page.getByRole('main').getByRole('link', { name: 'Sign up' }).click();
      await page.getByLabel('Name').fill(newcomer.name);
      await page.getByLabel('E-mail').fill(newcomer.email);
      await page.getByLabel('Password').fill(newcomer.password);
      await page.keyboard.press('Enter');
      expect((await arrival()).get('code')).toMatch(/^ory_ac_/);
    });

    it('a wrong password on the way keeps the application: the next try arrives there', async () => {
      const { page } = stage;
      await start(trusted);
      await fillLogin(page, { email: person.email, password: 'not the password' });
      await page.getByRole('alert').waitFor();
      await fillLogin(page, person);
      expect((await arrival()).get('code')).toMatch(/^ory_ac_/);
    });

    it('a logged-in user is asked only for consent, and not again after "Remember"', async () => {
      const { page, stack } = stage;
      await letIn(page, stack.url, person);
      await start(app);
      await page.getByRole('heading', { name: 'Allow Calendar to use your account?' }).waitFor();
      expect(await page.getByRole('main').innerText()).toContain(person.email);
      await page.getByRole('checkbox', { name: 'Remember this' }).check();
      await page.getByRole('button', { name: 'Allow' }).click();
      expect((await arrival()).get('code')).toMatch(/^ory_ac_/);
      await start(app);
      expect((await arrival()).get('code')).toMatch(/^ory_ac_/);
    });
  });
});
