import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { verifiedPerson } from '../support/browser.api.js';
import { descriptionOf, follow, namelessIn, overflowOf, shows } from '../support/browser.js';
import { createOrganisationIn, fillLogin, logInIn, signUpIn } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { newPerson } from '../support/person.js';

const stage = useStage({ context: { javaScriptEnabled: false } });
const press = async (page: Page, name: string): Promise<void> =>
  follow(page.getByRole('button', { name, exact: true }));

it('shows what is wrong with a new API key at its field, with what was typed', async () => {
  const { page, stack } = stage;
  await logInIn(page, stack.url, await verifiedPerson(stack));
  await page.getByText('New API key').click();
  await page.getByLabel('Name').fill('Nightly export');
  await page.getByLabel('Scope').fill('orgs:raed');
  await page.getByLabel('Expiry').selectOption('1 year');
  await press(page, 'Create key');
  const scope = page.getByLabel('Scope');
  expect(await scope.inputValue()).toBe('orgs:raed');
  expect(await scope.getAttribute('aria-invalid')).toBe('true');
  expect(await descriptionOf(scope)).toContain('Please enter 1 to 20 scopes');
  expect(await page.evaluate('document.activeElement.id')).toBe('api-key-scope');
  expect(await page.getByLabel('Name').inputValue()).toBe('Nightly export');
  expect(await page.getByLabel('Expiry').inputValue()).toBe('365');
  expect(await page.title()).toMatch(/^Error: /);
  await scope.fill('orgs:read');
  await press(page, 'Create key');
  expect(await shows(page.getByRole('heading', { name: 'Your new API key' }))).toBe(true);
});

it('leaves room for the words of each login method on a phone, also before the address is verified', async () => {
  const { page, stack } = stage;
  await signUpIn(page, stack.url, newPerson());
  await page.setViewportSize({ width: 390, height: 844 });
  const methods = page.getByRole('listitem').filter({ has: page.getByText('Verify your address first') });
  expect(await methods.count()).toBeGreaterThan(1);
  for (const method of await methods.all()) {
    const { width } = (await method.locator('> div').boundingBox()) ?? { width: 0 };
    expect(width).toBeGreaterThan(200);
  }
});

it('exports everything that is kept about a user as a file', async () => {
  const { page, stack } = stage;
  const person = await verifiedPerson(stack);
  await logInIn(page, stack.url, person);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Download my data' }).click(),
  ]);
  expect(download.suggestedFilename()).toBe('vestibule-account.json');
  const document: unknown = JSON.parse(await readFile(await download.path(), 'utf8'));
  expect(document).toMatchObject({ user: { email: person.email } });
});

it('deletes the account after a confirmation, and asks for a login first if the last one was long ago', async () => {
  const { page, stack } = stage;
  const person = await verifiedPerson(stack);
  await logInIn(page, stack.url, person);
  await page.getByRole('link', { name: 'Delete my account' }).click();
  expect(await shows(page.getByRole('heading', { name: 'Delete your account?' }))).toBe(true);
  expect(await namelessIn(page)).toEqual([]);
  await page.setViewportSize({ width: 320, height: 640 });
  expect(await overflowOf(page)).toBe(0);
  // The page was open for longer than a login counts as a new one.
  stack.shiftClock(400);
  try {
    await press(page, 'Delete for good');
    expect(await shows(page.getByLabel('Password'))).toBe(true);
  } finally {
    stack.shiftClock(0);
  }
  await page.goto(`${stack.url}/account/delete`);
  await press(page, 'Delete for good');
  await page.waitForURL(`${stack.url}/?notice=account_deleted`);
  expect(await page.getByRole('status').innerText()).toBe('Your account has been deleted.');
  expect(await shows(page.getByRole('heading', { name: 'Welcome' }))).toBe(true);
  await page.goto(`${stack.url}/auth/login`);
  await fillLogin(page, person);
  expect(await shows(page.getByRole('alert'))).toBe(true);
});

it('the only owner of an organisation is told so, and deletes the account once it is gone', async () => {
  const { page, stack } = stage;
  await logInIn(page, stack.url, await verifiedPerson(stack));
  await createOrganisationIn(page, 'Only Ours');
  const org = page.url().replace(/\?.*/, '');
  await page.goto(`${stack.url}/account/delete`);
  await press(page, 'Delete for good');
  expect(await page.getByRole('alert').innerText()).toContain('no owner but you');
  expect(await page.title()).toMatch(/^Error: /);
  await page.getByRole('alert').getByRole('link', { name: 'Only Ours' }).click();
  expect(page.url()).toBe(org);
  await page.goto(`${org}/delete`);
  await press(page, 'Delete for good');
  await page.waitForURL(`${stack.url}/?notice=org_deleted`);
  await page.goto(`${stack.url}/account/delete`);
  await press(page, 'Delete for good');
  await page.waitForURL(`${stack.url}/?notice=account_deleted`);
});

it('is in German for German browsers', async () => {
  const { page, stack } = stage;
  await logInIn(page, stack.url, await verifiedPerson(stack));
  await page.setExtraHTTPHeaders({ 'accept-language': 'de' });
  await page.goto(`${stack.url}/?notice=org_left`);
  expect(await page.getByRole('status').innerText()).toBe('Sie haben die Organisation verlassen.');
  expect(await shows(page.getByRole('link', { name: 'Organisation anlegen' }))).toBe(true);
});
