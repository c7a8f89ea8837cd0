import type { Page } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import { shows } from '../support/browser.js';
import { fillLogin, letIn, logInIn, logOutIn } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { OryAdmin } from '../support/ory.admin.js';
import { newPerson } from '../support/person.js';

const stage = useStage();
const person = newPerson();

beforeAll(async () => {
  await new OryAdmin(stage.stack.env).createPerson(person);
});

/** Another tab in the same browser. */
async function newTab(): Promise<Page> {
  return stage.page.context().newPage();
}

it('the back button after a logout shows no account page', async () => {
  const { page, stack } = stage;
  await letIn(page, stack.url, person);
  await page.goto(stack.url);
  await page.getByRole('link', { name: 'Settings' }).click();
  await page.getByRole('heading', { name: 'Account settings' }).waitFor();
  await page.getByRole('link', { name: 'Back to your account' }).click();
  await logOutIn(page);
  for (let steps = 0; steps < 2; steps += 1) {
    await page.goBack();
    expect(await page.content()).not.toContain(person.email);
  }
  await page.goto(stack.url);
  expect(await shows(page.getByRole('heading', { name: 'Welcome' }))).toBe(true);
});

it('the back button after a login shows the account again, not a useless form', async () => {
  const { page, stack } = stage;
  await page.goto(stack.url);
  await logInIn(page, stack.url, person);
  await page.goBack();
  expect(await shows(page.getByRole('heading', { name: person.name }))).toBe(true);
  expect(stage.watch.errors).toEqual([]);
});

it('two tabs that start a login at once both end logged in', async () => {
  const { page, stack } = stage;
  // Kratos gives a browser its CSRF cookie at the first visit, and to two first visits at once two different ones.
  await page.goto(`${stack.url}/auth/login`);
  const tabs = [page, await newTab()];
  await Promise.all(tabs.map((tab) => tab.goto(`${stack.url}/auth/login?return_to=/?from=login`)));
  for (const tab of tabs) {
    await fillLogin(tab, person);
    await tab.waitForURL(`${stack.url}/?from=login`);
  }
  for (const tab of tabs) {
    await tab.goto(stack.url);
    expect(await shows(tab.getByRole('heading', { name: person.name }))).toBe(true);
  }
});

it('five tabs that start a login at once, in a new browser, all show the login page', async () => {
  const { page, stack } = stage;
  const tabs = [page, ...(await Promise.all(Array.from({ length: 4 }, newTab)))];
  await Promise.all(tabs.map((tab) => tab.goto(`${stack.url}/auth/login`)));
  for (const tab of tabs) {
    expect(await shows(tab.getByRole('heading', { name: 'Log in' }))).toBe(true);
  }
});

it('a login ends at its destination, though another tab started one in between', async () => {
  const { page, stack } = stage;
  await page.goto(`${stack.url}/auth/login?return_to=/?from=login`);
  await (await newTab()).goto(`${stack.url}/auth/login`);
  await fillLogin(page, person);
  await page.waitForURL(`${stack.url}/?from=login`);
  expect(await shows(page.getByRole('heading', { name: person.name }))).toBe(true);
});

it('three tabs that send their logins at the same moment all end logged in', async () => {
  const { page, stack } = stage;
  const tabs = [page, await newTab(), await newTab()];
  for (const tab of tabs) {
    await tab.goto(`${stack.url}/auth/login`);
    await tab.getByLabel('E-mail').fill(person.email);
    await tab.getByLabel('Password').fill(person.password);
  }
  await Promise.all(
    tabs.map((tab) => tab.getByRole('main').getByRole('button', { name: 'Log in', exact: true }).click()),
  );
  for (const tab of tabs) {
    await tab.waitForURL(`${stack.url}/`);
    expect(await shows(tab.getByRole('heading', { name: person.name }))).toBe(true);
  }
});

it('a logout in one tab is a logout in the other', async () => {
  const { page, stack } = stage;
  await letIn(page, stack.url, person);
  await page.goto(stack.url);
  const other = await newTab();
  await other.goto(stack.url);
  await logOutIn(other);
  await page.reload();
  expect(await shows(page.getByRole('heading', { name: 'Welcome' }))).toBe(true);
});
