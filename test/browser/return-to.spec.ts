import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import { BrowserWatch, launchChromium } from '../support/browser.js';
import { fillLogin, logInIn, logOutIn, signUpIn } from '../support/browser.person.js';
import { newPerson } from '../support/person.js';
import { type Stack, startStack } from '../support/stack.js';

const person = newPerson();
let stack: Stack;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let watch: BrowserWatch;

beforeAll(async () => {
  stack = await startStack();
  browser = await launchChromium(inject('chromiumPath'));
  const signUp = await browser.newContext();
  await signUpIn(await signUp.newPage(), stack.url, person);
  await signUp.close();
});

afterAll(async () => {
  await browser?.close();
  await stack?.stop();
});

beforeEach(async () => {
  context = await browser.newContext();
  watch = new BrowserWatch(context);
  page = await context.newPage();
});

afterEach(async () => {
  await context.close();
  expect(watch.violations).toEqual([]);
  expect(watch.origins()).toEqual([stack.url]);
});

it('a login that was started with return_to=/docs ends at /docs, logged in', async () => {
  await page.goto(`${stack.url}/auth/login?return_to=/docs`);
  await fillLogin(page, person);
  await page.waitForURL(`${stack.url}/docs`);
  await page.getByText(`Logged in as ${person.name}`).waitFor();
});

it('the way from log in to sign up and back keeps return_to', async () => {
  await page.goto(`${stack.url}/auth/login?return_to=/docs`);
  await page.getByRole('main').getByRole('link', { name: 'Sign up' }).click();
  await page.getByRole('heading', { name: 'Create your account' }).waitFor();
  await page.getByRole('main').getByRole('link', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  await fillLogin(page, person);
  await page.waitForURL(`${stack.url}/docs`);
});

it('a flow that is over or was never there becomes a new one, which leads on', async () => {
  for (const kind of ['login', 'registration', 'recovery', 'verification']) {
    const gone = crypto.randomUUID();
    await page.goto(`${stack.url}/ui/${kind}?flow=${gone}`);
    const { pathname, searchParams } = new URL(page.url());
    expect(pathname).toBe(`/ui/${kind}`);
    expect(searchParams.get('flow')).toMatch(/^[\da-f-]{36}$/);
    expect(searchParams.get('flow')).not.toBe(gone);
  }
  await page.goto(`${stack.url}/ui/login?flow=${crypto.randomUUID()}`);
  await fillLogin(page, person);
  await page.waitForURL(`${stack.url}/`);
  await page.getByRole('heading', { name: person.name }).waitFor();
});

it('the settings of somebody who is not logged in ask for a login first, and come back', async () => {
  await page.goto(`${stack.url}/ui/settings`);
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  await fillLogin(page, person);
  await page.getByRole('heading', { name: 'Account settings' }).waitFor();
});

it('the back button after a logout shows no account page', async () => {
  await logInIn(page, stack.url, person);
  await page.getByRole('link', { name: 'Settings' }).click();
  await page.getByRole('heading', { name: 'Account settings' }).waitFor();
  await page.getByRole('link', { name: 'Back to your account' }).click();
  await logOutIn(page);
  await page.goBack();
  expect(await page.getByText(person.email).count()).toBe(0);
  await page.goto(stack.url);
  await page.getByRole('heading', { name: 'Welcome' }).waitFor();
  await page.goBack();
  expect(await page.getByText(person.email).count()).toBe(0);
});

it('two tabs that start a login at once both end logged in', async () => {
  const tabs = [page, await context.newPage()];
  await Promise.all(tabs.map((tab) => tab.goto(`${stack.url}/auth/login`)));
  for (const tab of tabs) {
    await tab.bringToFront();
    await fillLogin(tab, person);
    await tab.waitForURL(`${stack.url}/`);
    await tab.getByRole('heading', { name: person.name }).waitFor();
  }
  for (const tab of tabs) {
    await tab.reload();
    await tab.getByRole('heading', { name: person.name }).waitFor();
  }
});

it('two tabs that send their logins at the same moment both end logged in', async () => {
  const tabs = [page, await context.newPage()];
  await Promise.all(
    tabs.map(async (tab) => {
      await tab.goto(`${stack.url}/auth/login`);
      await tab.getByLabel('E-mail').fill(person.email);
      await tab.getByLabel('Password').fill(person.password);
    }),
  );
  await Promise.all(
    tabs.map(async (tab) => {
      await tab.getByRole('main').getByRole('button', { name: 'Log in' }).click();
      await tab.waitForURL(`${stack.url}/`);
    }),
  );
  for (const tab of tabs) {
    await tab.getByRole('heading', { name: person.name }).waitFor();
  }
});
