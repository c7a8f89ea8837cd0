import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../../../../platform/database/database.schema.js';
import { descriptionOf, follow, namelessIn, shows } from '../../../../../test/support/browser.js';
import { verifiedPerson } from '../../../../../test/support/browser.api.js';
import { createOrganisationIn, letIn } from '../../../../../test/support/browser.person.js';
import { useStage } from '../../../../../test/support/browser.stage.js';
import { OAuthApp } from '../../../../../test/support/oauth.app.js';
import { newPerson, type Person, signUp } from '../../../../../test/support/person.js';
import { UserAgent } from '../../../../../test/support/user-agent.js';

const stage = useStage({ context: { javaScriptEnabled: false } });
const admin = newPerson();
const back = 'https://wiki.example/callback';

beforeAll(async () => {
  await signUp(new UserAgent(stage.stack.url), admin);
  const { query } = stage.stack.app().get(Database, { strict: false });
  await query.updateTable('users').set({ role: 'admin' }).where('email', '=', admin.email).execute();
});

/** Logs a user in and opens a page. */
async function open(path: string, person: Person = admin, page = stage.page): Promise<Page> {
  await letIn(page, stage.stack.url, person);
  await page.goto(stage.stack.url + path);
  return page;
}

const press = async (page: Page, name: string): Promise<void> =>
  follow(page.getByRole('main').getByRole('button', { name, exact: true }));
const statusOf = async (page: Page): Promise<string> => page.getByRole('status').innerText();

/** Registers an application on the page that is open. @returns its client id and secret. */
async function register(page: Page, name: string, uri = back): Promise<{ id: string; secret: string }> {
  await page.getByRole('link', { name: 'Register an application' }).click();
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Redirect URIs').fill(uri);
  await press(page, 'Register');
  await page.getByRole('heading', { name: `${name} is registered` }).waitFor();
  const [id, secret] = [page.getByLabel('Client id'), page.getByLabel('Client secret')];
  return { id: await id.inputValue(), secret: await secret.inputValue() };
}

/** Opens the form that changes the application whose page is open. */
async function openSettings(page: Page): Promise<void> {
  await page.getByText('Change the settings').click();
}

describe('an administrator, without JavaScript', () => {
  it('registers an application, sees its secret once, and changes what users and programs see of it', async () => {
    const page = await open('/admin/applications');
    const { id, secret } = await register(page, 'Wiki');
    await page.getByRole('link', { name: 'Go to its settings' }).click();
    expect(page.url()).toBe(`${stage.stack.url}/admin/applications/${id}`);
    expect(await page.getByLabel('Redirect URI', { exact: true }).inputValue()).toBe(back);
    expect(await shows(page.getByText('No user has logged in to it yet.'))).toBe(true);
    expect(await page.content()).not.toContain(secret);
    expect(await namelessIn(page)).toEqual([]);
    await openSettings(page);
    await page.getByLabel('Name', { exact: true }).fill('Handbook');
    await page.getByLabel('E-mail address').uncheck();
    await page.getByLabel('Who may log in').selectOption('Administrators of the deployment');
    await page.getByLabel('Organisations in its groups').selectOption('All of the user’s organisations');
    await page.getByLabel('Groups are named by').selectOption('Id: it never changes');
    await page.getByLabel('Users may have their consent remembered').uncheck();
    await page.getByLabel('What a login must send').selectOption('Nothing');
    await page.getByLabel('Home page').fill('https://wiki.example/');
    await press(page, 'Save');
    expect(await statusOf(page)).toBe('The application has been changed.');
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Handbook');
    const answer = await page.request.get(`${stage.stack.url}/api/v1/applications/${id}`);
    expect(await answer.json()).toMatchObject({
      name: 'Handbook',
      redirectUris: [back],
      scope: 'openid profile',
      access: 'roles',
      roles: ['admin'],
      groupsFrom: 'all',
      groupOrgs: [],
      groupsAs: 'id',
      rememberConsent: false,
      codeProtection: 'none',
      clientUri: 'https://wiki.example/',
      firstParty: false,
    });
    expect(await shows(page.getByText('codes are protected by the secret alone'))).toBe(true);
    expect(await page.getByText('sends neither PKCE nor a nonce').count()).toBe(0);
  });

  it('sees mistakes at their fields, with what was typed', async () => {
    const page = await open('/admin/applications/new');
    await page.getByLabel('Name').fill('Vestibule Login');
    await page.getByLabel('Redirect URIs').fill(`${back}\nhttps://wiki.example/*`);
    await press(page, 'Register');
    const [name, uris] = [page.getByLabel('Name'), page.getByLabel('Redirect URIs')];
    expect(await name.inputValue()).toBe('Vestibule Login');
    expect(await uris.inputValue()).toBe(`${back}\nhttps://wiki.example/*`);
    expect(await descriptionOf(name)).toContain('must not look like the name of a first-party application');
    expect(await descriptionOf(uris)).toContain('line 2: must not have wildcards');
    expect(await page.title()).toContain('Error');
  });

  it('sees deceptive text as text', async () => {
    const page = await open('/admin/applications');
    const { id } = await register(page, '<b onclick=alert(1)>Wiki', "https://wiki.example/it's");
    await page.goto(`${stage.stack.url}/admin/applications/${id}`);
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('<b onclick=alert(1)>Wiki');
    expect(await page.locator('main b').count()).toBe(0);
    await page.getByText('Express (openid-client)', { exact: true }).click();
    const settings = await page.getByLabel('Settings for Express (openid-client)').inputValue();
    expect(settings).toContain(`const redirectUri = "https://wiki.example/it's";`);
  });

  it('copies settings for each program, is told which one has no PKCE, and which redirect URI is missing', async () => {
    const page = await open('/admin/applications');
    const uri = 'https://git.example/user/oauth2/house/callback';
    const { id } = await register(page, 'Git', uri);
    await page.getByRole('link', { name: 'Go to its settings' }).click();
    await page.getByText('Gitea', { exact: true }).click();
    expect(await shows(page.getByText('sends neither PKCE nor a nonce'))).toBe(true);
    const gitea = await page.getByLabel('Settings for Gitea').inputValue();
    expect(gitea).toContain('--name house ');
    expect(gitea).toContain(`--auto-discover-url '${stage.stack.url}/.well-known/openid-configuration'`);
    await page.getByText('Nextcloud (user_oidc)', { exact: true }).click();
    await page.getByText('Grafana', { exact: true }).click();
    expect(await shows(page.getByText('https://grafana.example.org/login/generic_oauth'))).toBe(true);
    const grafana = await page.getByLabel('Settings for Grafana').inputValue();
    const metadata = await page.request.get(`${stage.stack.url}/.well-known/openid-configuration`);
    const { authorization_endpoint, token_endpoint, userinfo_endpoint } = Object(await metadata.json());
    expect(grafana).toContain(`auth_url = ${authorization_endpoint}`);
    expect(grafana).toContain(`token_url = ${token_endpoint}`);
    expect(grafana).toContain(`api_url = ${userinfo_endpoint}`);
    expect(grafana).toContain(`client_id = ${id}`);
  });

  it('registers a machine, which has no redirect URI and no login', async () => {
    const page = await open('/admin/applications/new');
    await page.getByLabel('Name').fill('Nightly export');
    await page.getByLabel('Kind').selectOption('machine');
    const asked = page.getByLabel('Scopes of a machine');
    await asked.fill('users:read');
    await press(page, 'Register');
    expect(await descriptionOf(asked)).toContain("a machine can't be one");
    await asked.fill('profile:read');
    await press(page, 'Register');
    await page.getByRole('link', { name: 'Go to its settings' }).click();
    expect(await page.getByLabel('Token endpoint').inputValue()).toContain('/oauth2/token');
    expect(await page.getByLabel('Audience', { exact: true }).inputValue()).toBe(stage.stack.url);
    expect(await page.getByLabel('Both requests').inputValue()).toContain(`audience=${stage.stack.url}`);
    expect(await page.getByText('no user can log in to it any more').count()).toBe(0);
    await openSettings(page);
    for (const label of ['First-party', 'Home page', 'Privacy policy', 'Terms of service', 'Logo']) {
      expect([label, await page.getByLabel(label).count()]).toEqual([label, 0]);
    }
    await page.getByLabel('Scopes').fill('orgs:read nonsense!"');
    await press(page, 'Save');
    expect(await descriptionOf(page.getByLabel('Scopes'))).toContain('Please enter scopes');
    await page.getByLabel('Scopes').fill('orgs:read');
    await press(page, 'Save');
    expect(await statusOf(page)).toBe('The application has been changed.');
    const id = new URL(page.url()).pathname.split('/').at(-1) ?? '';
    const stored = async (): Promise<unknown> =>
      (await page.request.get(`${stage.stack.url}/api/v1/applications/${id}`)).json();
    expect(await stored()).toMatchObject({ scope: 'orgs:read' });
    await openSettings(page);
    await page.getByLabel('Scopes').fill('');
    await press(page, 'Save');
    await page.locator('dd code').filter({ hasText: '–' }).first().waitFor();
    expect(await stored()).toMatchObject({ scope: '' });
  });

  it('registers a machine without scopes', async () => {
    const page = await open('/admin/applications/new');
    await page.getByLabel('Name').fill('Heartbeat');
    await page.getByLabel('Kind').selectOption('machine');
    expect(await page.getByLabel('Scopes of a machine').inputValue()).toBe('');
    await press(page, 'Register');
    await page.getByRole('heading', { name: 'Heartbeat is registered' }).waitFor();
    const id = await page.getByLabel('Client id').inputValue();
    const stored = await page.request.get(`${stage.stack.url}/api/v1/applications/${id}`);
    expect(await stored.json()).toMatchObject({ kind: 'machine', scope: '' });
  });

  it('removes an application after a question, and is told if it was gone', async () => {
    const page = await open('/admin/applications');
    const { id } = await register(page, 'Short-lived');
    await page.goto(`${stage.stack.url}/admin/applications/${id}/remove`);
    const tab = await page.context().newPage();
    await tab.goto(page.url());
    await press(page, 'Remove this application');
    expect(await statusOf(page)).toBe('The application has been removed.');
    await press(tab, 'Remove this application');
    expect(await statusOf(tab)).toBe('That application had already been removed.');
    expect((await tab.goto(`${stage.stack.url}/admin/applications/${id}`))?.status()).toBe(404);
  });
});

describe('a form that is sent again', () => {
  const secretsOf = async (id: string): Promise<unknown> => {
    const { query } = stage.stack.app().get(Database, { strict: false });
    const rows = query.selectFrom('application_secrets').select(['secret_hash', 'expires_at']);
    return rows.where('application_id', '=', id).orderBy('secret_hash').execute();
  };

  it('by reloading its answer registers nothing, and makes no secret', async () => {
    const page = await open('/admin/applications');
    const { id, secret } = await register(page, 'Reloaded');
    await page.reload();
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe(
      'This application is registered already',
    );
    expect(await page.content()).not.toContain(secret);
    await page.getByRole('link', { name: 'Go to the applications' }).click();
    const entry = page.getByRole('listitem').filter({ hasText: 'Reloaded' });
    expect(await entry.count()).toBe(1);
    expect(await entry.innerText()).toContain('wiki.example');

    await page.getByRole('link', { name: 'Reloaded', exact: true }).click();
    await press(page, 'Make a new secret');
    await page.getByRole('heading', { name: 'New secret of Reloaded' }).waitFor();
    const made = await page.getByLabel('Client secret').inputValue();
    const before = await secretsOf(id);
    await page.reload();
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('The new secret was made already');
    expect(await page.content()).not.toContain(made);
    expect(await secretsOf(id)).toEqual(before);

    // While two secrets are accepted, the button says what another one does.
    await page.getByRole('link', { name: 'Go to its settings' }).click();
    expect(await shows(page.getByText('Another new secret ends it at once'))).toBe(true);
    await press(page, 'Make a new secret, and end the previous one now');
    await page.getByRole('heading', { name: 'New secret of Reloaded' }).waitFor();
  });

  it('after it was refused is carried out', async () => {
    const page = await open('/admin/applications/new');
    await page.getByLabel('Name').fill('Corrected');
    await page.getByLabel('Redirect URIs').fill('nonsense');
    await press(page, 'Register');
    const field = page.getByLabel('Redirect URIs').and(page.locator('[aria-invalid="true"]'));
    expect(await descriptionOf(field)).toContain('line 1: must');
    // Sent again, it is still wrong, and hasn't been carried out.
    await page.reload();
    expect(await descriptionOf(field)).toContain('line 1: must');
    await page.getByLabel('Redirect URIs').fill(back);
    await press(page, 'Register');
    await page.getByRole('heading', { name: 'Corrected is registered' }).waitFor();
  });
});

describe('other users', () => {
  it('do not see the administration’s applications', async () => {
    const page = await open('/', await verifiedPerson(stage.stack));
    for (const path of ['', '/new', '/01980000-0000-7000-8000-000000000000']) {
      const answer = await page.goto(`${stage.stack.url}/admin/applications${path}`);
      expect([path, answer?.status()]).toEqual([path, 403]);
    }
  });
});

describe('the owner of an organisation', () => {
  it('registers its applications, and leaves what is part of the product to administrators', async () => {
    const { page, stack } = stage;
    await letIn(page, stack.url, await verifiedPerson(stack));
    await page.goto(stack.url);
    await createOrganisationIn(page, 'Analytical Engines');
    const org = page.url().replace(/\?.*/, '');
    await page.getByRole('link', { name: 'Applications' }).click();
    const { id } = await register(page, 'Ledger');
    await page.reload();
    const again = page.getByRole('heading', { name: 'This application is registered already' });
    expect(await shows(again)).toBe(true);
    await page.goto(`${org}/applications/${id}`);
    await press(page, 'Make a new secret');
    await page.getByRole('heading', { name: 'New secret of Ledger' }).waitFor();
    await page.reload();
    expect(await shows(page.getByRole('heading', { name: 'The new secret was made already' }))).toBe(true);
    await page.getByRole('link', { name: 'Go to its settings' }).click();
    expect(page.url()).toBe(`${org}/applications/${id}`);
    await openSettings(page);
    expect(await page.getByLabel('First-party').count()).toBe(0);
    expect(await page.getByLabel('Back-channel logout URI').count()).toBe(0);
    const access = page.getByLabel('Who may log in').locator('option:checked');
    expect(await access.innerText()).toBe('Members of the organisation');
    await page.getByLabel('Privacy policy').fill('https://wiki.example/privacy');
    await page.getByRole('textbox', { name: /^Logo/ }).fill('https://elsewhere.example/logo.png');
    await press(page, 'Save');
    expect(await statusOf(page)).toBe('The application has been changed.');

    // The cards below one another are equally wide.
    await page.setViewportSize({ width: 1280, height: 800 });
    const cards = page.getByRole('main').getByRole('article');
    const widths = await cards.evaluateAll((all) => all.map((card) => card.getBoundingClientRect().width));
    expect([widths.length > 3, new Set(widths).size]).toEqual([true, 1]);

    // All tabs are in one row.
    await page.setViewportSize({ width: 1100, height: 800 });
    const tabs = page.getByRole('navigation', { name: 'Organisation' }).getByRole('link');
    const tops = await tabs.evaluateAll((links) => links.map((link) => link.getBoundingClientRect().top));
    expect([tops.length, new Set(tops).size]).toEqual([6, 1]);

    // The consent page tells whose it is, and asks no other host for its logo.
    const app = new OAuthApp(stack.url, { id, secret: '' }, back);
    await page.goto(`${stack.url}${app.authorize({ audience: undefined }).path}`);
    expect(await shows(page.getByText('An organisation that calls itself Analytical Engines owns it.'))).toBe(
      true,
    );
    const policy = page.getByRole('link', { name: 'Privacy policy' });
    expect(await policy.getAttribute('href')).toBe('https://wiki.example/privacy');
    expect(await policy.getAttribute('rel')).toBe('noopener noreferrer');
    expect(await page.locator('.avatar img').count()).toBe(0);

    stage.welcome.push(new URL(back).origin);
    await press(page, 'Allow');
    const other = await open(`/admin/applications/${id}`, admin, await stage.other());
    const users = other.getByRole('article', { name: 'Users' });
    expect(await users.getByRole('listitem').count()).toBe(1);
    await other.goto(`${stack.url}/admin/audit-events?type=application_access_granted`);
    expect(await shows(other.getByRole('link', { name: 'Ledger' }))).toBe(true);
    await other.goto(`${stack.url}/admin/applications/${id}`);
    expect(await shows(other.getByRole('link', { name: 'Analytical Engines' }))).toBe(true);
    await openSettings(other);
    await other.getByLabel('First-party').check();
    await press(other, 'Save');
    await page.goto(`${org}/applications/${id}`);
    expect(await shows(page.getByText('Only administrators of the deployment change it.'))).toBe(true);
    expect(await page.getByText('Change the settings').count()).toBe(0);
    await page.goto(`${org}/applications/new`);
    expect(await page.getByLabel('Kind').locator('option[value=machine]').count()).toBe(0);
    expect(await page.getByText('A machine has none').count()).toBe(0);
  });
});
