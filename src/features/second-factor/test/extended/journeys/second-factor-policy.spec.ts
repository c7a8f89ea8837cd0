import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { Database } from '../../../../../platform/database/database.schema.js';
import { verifiedPerson } from '../../../../../../test/support/browser.api.js';
import {
  createOrganisationIn,
  fillLogin,
  logInIn,
  logOutIn,
  openSection,
} from '../../../../../../test/support/browser.person.js';
import { useStage } from '../../../../../../test/support/browser.stage.js';
import type { Person } from '../../../../../../test/support/person.js';
import { totpCode } from '../../../../../../test/support/totp.code.js';

const stage = useStage({ stack: { env: { SECOND_FACTOR_GRACE: '1h' } } });

/** Sets up an authenticator app on the settings page that is open. @returns its secret. */
async function setUpApp(page: Page): Promise<string> {
  const app = await openSection(page, 'Authenticator app');
  const secret = await app.locator('.secret code').innerText();
  await app.getByLabel('Code from the app').fill(totpCode(secret));
  await app.getByRole('button', { name: 'Set up the app' }).click();
  return secret;
}

/** Makes a person who has logged in a member of an organisation. */
async function join(orgId: string, { email }: Person): Promise<void> {
  const { query } = stage.stack.app().get(Database, { strict: false });
  const { id } = await query
    .selectFrom('users')
    .select('id')
    .where('email', '=', email)
    .executeTakeFirstOrThrow();
  await query
    .insertInto('memberships')
    .values({ org_id: orgId, user_id: id, role: 'member', state: 'active', created_at: Date.now() })
    .execute();
}

async function startLogin(page: Page, person: Person): Promise<void> {
  await page.goto(`${stage.stack.url}/auth/login`);
  await fillLogin(page, person);
}

it('an owner requires a second step; a member is told until when, sets one up and goes on; one who does not is shut out until they do', async () => {
  const { page, stack } = stage;
  const [owner, careful, careless] = [
    await verifiedPerson(stack),
    await verifiedPerson(stack),
    await verifiedPerson(stack),
  ];

  // Without a second step of their own, an owner can't require it of others: the page leads to one.
  await logInIn(page, stack.url, owner);
  await createOrganisationIn(page, 'Analytical Engines');
  const orgPage = page.url();
  const orgId = new URL(orgPage).pathname.split('/')[2] ?? '';
  await page.goto(`${stack.url}/orgs/${orgId}/settings`);
  await page.getByLabel('Second step at login').selectOption('everyone');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('this needs a second step at your login').waitFor();
  const again = await page.getByRole('link', { name: 'Log in again' }).getAttribute('href');
  await page.goto(`${stack.url}${again}`);
  await page.getByRole('heading', { name: 'A second step is needed' }).waitFor();
  await page.getByRole('link', { name: 'Set up a second step' }).click();
  await setUpApp(page);
  await page.waitForURL(`${stack.url}/`);
  await page.goto(`${stack.url}/orgs/${orgId}/settings`);
  await page.getByLabel('Second step at login').selectOption('everyone');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.waitForURL(/notice=org_saved/);
  expect(await page.getByLabel('Second step at login').inputValue()).toBe('everyone');

  // A member who has none is told at the login until when, sets one up, and goes on.
  const first = await stage.other();
  await logInIn(first, stack.url, careful);
  await join(orgId, careful);
  await logOutIn(first);
  await startLogin(first, careful);
  await first.getByRole('heading', { name: 'A second step will be required' }).waitFor();
  expect(await first.locator('time').getAttribute('datetime')).toMatch(/^\d{4}-/);
  await first.getByRole('link', { name: 'Set up a second step' }).click();
  await first.getByRole('heading', { name: 'A second step is needed' }).waitFor();
  await first.getByRole('link', { name: 'Set up a second step' }).click();
  const secret = await setUpApp(first);
  await first.waitForURL(`${stack.url}/`);
  await first.goto(`${stack.url}/orgs/${orgId}`);
  await first.getByRole('heading', { level: 1, name: 'Analytical Engines' }).waitFor();

  // One who puts it off goes on as well, for as long as there is time.
  const second = await stage.other();
  await logInIn(second, stack.url, careless);
  await join(orgId, careless);
  await logOutIn(second);
  await startLogin(second, careless);
  await second.getByRole('link', { name: 'Later' }).click();
  await second.waitForURL(`${stack.url}/`);
  await second.goto(`${stack.url}/orgs/${orgId}`);
  await second.getByRole('heading', { level: 1, name: 'Analytical Engines' }).waitFor();

  // Then nothing of the organisation opens: pages lead to the set-up, programs are told how to go on.
  stack.shiftClock(3700);
  await second.goto(`${stack.url}/orgs/${orgId}`);
  await second.getByRole('heading', { name: 'A second step is needed' }).waitFor();
  await second.goto(`${stack.url}/`);
  const answer: unknown = await second.evaluate(
    `fetch('/api/v1/orgs/${orgId}').then(async (answer) => ({ status: answer.status, ...(await answer.json()) }))`,
  );
  expect(answer).toMatchObject({
    status: 401,
    code: 'reauthentication_required',
    loginUrl: '/auth/login?acr_values=aal2',
  });
  await logOutIn(second);
  await startLogin(second, careless);
  await second.getByRole('heading', { name: 'A second step is required' }).waitFor();
  await second.getByRole('link', { name: 'Go on without it' }).click();
  await second.waitForURL(`${stack.url}/`);
  await second.goto(`${stack.url}/orgs/${orgId}`);
  await second.getByRole('link', { name: 'Set up a second step' }).click();
  await setUpApp(second);
  await second.waitForURL(`${stack.url}/orgs/${orgId}`);
  await second.getByRole('heading', { level: 1, name: 'Analytical Engines' }).waitFor();

  // Who has one is asked for it at the login, and told nothing more.
  await first.goto(stack.url);
  await logOutIn(first);
  await startLogin(first, careful);
  await first.getByRole('heading', { name: "Confirm it's you" }).waitFor();
  await first.getByLabel('Code from the app').fill(totpCode(secret));
  await first.keyboard.press('Enter');
  await first.waitForURL(`${stack.url}/`);
}, 240_000);
