import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, it } from 'vitest';
import { BrowserWatch, launchChromium, namelessIn, overflowOf } from '../support/browser.js';
import { newPerson } from '../support/person.js';
import { type Stack, startStack } from '../support/stack.js';

let stack: Stack;
let browser: Browser;
let page: Page;
let watch: BrowserWatch;

beforeAll(async () => {
  stack = await startStack();
  browser = await launchChromium(inject('chromiumPath'));
});

afterAll(async () => {
  await browser?.close();
  await stack?.stop();
});

beforeEach(async () => {
  const context = await browser.newContext({
    javaScriptEnabled: false,
    viewport: { width: 320, height: 640 },
  });
  watch = new BrowserWatch(context);
  page = await context.newPage();
});

afterEach(async () => {
  await page.context().close();
  expect(watch.violations).toEqual([]);
  expect(watch.origins()).toEqual([stack.url]);
});

/** The page fits a small phone, and everything on it has a name. */
async function expectReadable(): Promise<void> {
  expect({ url: page.url(), overflow: await overflowOf(page) }).toEqual({ url: page.url(), overflow: 0 });
  expect(await namelessIn(page)).toEqual([]);
}

async function type(label: string, text: string): Promise<void> {
  await page.getByLabel(label).click();
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.type(text);
}

it('on a small phone with JavaScript off: sign up, log out, a wrong password, log in', async () => {
  const person = { ...newPerson(), name: 'Ada King Lovelace' };
  await page.goto(stack.url);
  await expectReadable();
  await page.getByRole('main').getByRole('link', { name: 'Sign up' }).click();
  await page.getByRole('heading', { name: 'Create your account' }).waitFor();
  await expectReadable();
  await type('E-mail', person.email);
  await type('Name', person.name);
  await type('Password', person.password);
  await page.keyboard.press('Enter');

  await page.getByRole('heading', { name: person.name }).waitFor();
  expect(page.url()).toBe(`${stack.url}/`);
  expect(await page.locator('.avatar').innerText()).toBe('AL');
  expect(await page.getByRole('main').innerText()).toContain(person.email);
  await expectReadable();
  await page.getByRole('navigation').getByRole('button', { name: 'Log out' }).click();

  await page.getByRole('heading', { name: 'Welcome' }).waitFor();
  await page.getByRole('main').getByRole('link', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  await expectReadable();
  await type('E-mail', person.email);
  await type('Password', 'not the password');
  await page.keyboard.press('Enter');

  const alert = page.getByRole('alert');
  await alert.waitFor();
  expect(await alert.innerText()).toContain("The e-mail address or the password isn't right.");
  expect(await page.title()).toBe('Error: Log in · Vestibule');
  expect(await page.getByLabel('E-mail').inputValue()).toBe(person.email);
  expect(await page.getByLabel('Password').inputValue()).toBe('');
  await expectReadable();
  await type('Password', person.password);
  await page.getByRole('main').getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: person.name }).waitFor();
  expect(page.url()).toBe(`${stack.url}/`);
});

it('by the keyboard alone: Tab leads from the skip link through the form in the order of the page', async () => {
  await page.goto(`${stack.url}/auth/signup`);
  const focused = page.locator(':focus');
  await page.keyboard.press('Tab');
  expect(await focused.innerText()).toBe('Skip to content');
  await page.keyboard.press('Enter');
  const order: (string | null)[] = [];
  for (let count = 0; count < 4; count += 1) {
    await page.keyboard.press('Tab');
    order.push(await focused.getAttribute('name'));
  }
  expect(order).toEqual(['traits.email', 'traits.name', 'password', 'method']);
});

it('the example app and the API docs say that they need JavaScript', async () => {
  for (const path of ['/demo', '/docs']) {
    await page.goto(`${stack.url}${path}`);
    expect(await page.getByText('needs JavaScript').isVisible()).toBe(true);
    await expectReadable();
  }
});
