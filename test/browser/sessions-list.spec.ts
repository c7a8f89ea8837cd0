import type { Locator, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { descriptionOf, namelessIn, overflowOf, shows } from '../support/browser.js';
import { letIn, logInIn } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { OryAdmin } from '../support/ory.admin.js';
import { newPerson, type Person } from '../support/person.js';

const stage = useStage();

async function newAccount(): Promise<Person> {
  const person = newPerson();
  await new OryAdmin(stage.stack.env).createPerson(person);
  return person;
}

/** Another browser, of which scripts and name can be chosen. */
async function otherBrowser(options: {
  readonly javaScriptEnabled?: boolean;
  readonly userAgent?: string;
}): Promise<Page> {
  const context = await stage.page.context().browser()?.newContext(options);
  context?.setDefaultTimeout(60_000);
  const page = await context?.newPage();
  if (page === undefined) {
    throw new Error('Chromium has gone');
  }
  return page;
}

const iphone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1';
const listIn = (page: Page): Locator => page.getByRole('article', { name: 'Devices' });
const entriesIn = (page: Page): Locator => listIn(page).getByRole('listitem');
const everywhereElse = (page: Page): Locator =>
  page.getByRole('button', { name: 'Log out everywhere else', exact: true });

async function expectLoggedOut(page: Page): Promise<void> {
  await page.goto(stage.stack.url);
  expect(await shows(page.getByRole('heading', { name: 'Welcome' }))).toBe(true);
  await page.goto(`${stage.stack.url}/auth/login`);
  expect(await shows(page.getByLabel('Password'))).toBe(true);
}

describe.each([true, false])('the list of sessions, JavaScript: %s', (javaScriptEnabled) => {
  it('shows each browser, ends one by its button, and then all others', async () => {
    const { url } = stage.stack;
    const person = await newAccount();
    const here = await otherBrowser({ javaScriptEnabled });
    await logInIn(here, url, person);
    expect(await entriesIn(here).count()).toBe(1);
    expect(await everywhereElse(here).count()).toBe(0);

    const phone = await otherBrowser({ javaScriptEnabled, userAgent: iphone });
    await logInIn(phone, url, person);
    const [one, two] = [await stage.other(), await stage.other()];
    await letIn(one, url, person);
    await letIn(two, url, person);

    await here.reload();
    expect(await entriesIn(here).count()).toBe(4);
    expect(await entriesIn(here).filter({ hasText: 'This device' }).count()).toBe(1);
    const current = entriesIn(here).filter({ hasText: 'This device' });
    expect(await current.innerText()).toContain('Chrome on Linux');
    expect(await current.getByRole('button').count()).toBe(0);
    expect(await namelessIn(here)).toEqual([]);

    const button = listIn(here).getByRole('button', { name: 'End session: Safari on iPhone' });
    expect(await descriptionOf(button)).toMatch(/^Last seen \d+ \w+ \d{4} at \d\d:\d\d/);
    // Local time needs a script; without one the page says that it is UTC.
    expect((await descriptionOf(button)).includes(' UTC')).toBe(!javaScriptEnabled);
    await button.click();
    await here.getByRole('status').waitFor();
    expect(await here.getByRole('status').innerText()).toBe('The session has been ended.');
    expect(await entriesIn(here).count()).toBe(3);
    await expectLoggedOut(phone);

    await everywhereElse(here).focus();
    await here.keyboard.press('Enter');
    await here.getByText("You're logged out everywhere else.").waitFor();
    expect(await entriesIn(here).count()).toBe(1);
    await expectLoggedOut(one);
    await expectLoggedOut(two);
    await here.goto(url);
    expect(await shows(here.getByRole('heading', { name: person.name }))).toBe(true);
    expect(await here.getByRole('status').count()).toBe(0);
  });
});

it('a button of a page that was open too long reports that the session had ended', async () => {
  const { stack, page } = stage;
  const person = await newAccount();
  await logInIn(page, stack.url, person);
  const other = await stage.other();
  await logInIn(other, stack.url, person);
  await page.reload();
  await other.getByRole('main').getByRole('button', { name: 'Log out', exact: true }).click();
  await other.getByRole('heading', { name: 'Welcome' }).waitFor();
  await page.getByRole('button', { name: 'End session: Chrome on Linux' }).click();
  expect(await shows(page.getByText('That session had already ended.'))).toBe(true);
  expect(await entriesIn(page).count()).toBe(1);
});

it('fits a window of 320 pixels; its buttons are large enough for a finger', async () => {
  const { stack, page } = stage;
  const person = await newAccount();
  const name = `Samsung-${'x'.repeat(22)}/1.0 (Android 14; ${'y'.repeat(200)})`;
  await logInIn(await otherBrowser({ userAgent: name }), stack.url, person);
  await logInIn(await otherBrowser({ userAgent: iphone }), stack.url, person);
  await logInIn(page, stack.url, person);
  for (const width of [320, 768, 1280]) {
    await page.setViewportSize({ width, height: 720 });
    expect({ width, overflow: await overflowOf(page) }).toEqual({ width, overflow: 0 });
    for (const button of await listIn(page).getByRole('button').all()) {
      const box = await button.boundingBox();
      expect(Math.min(box?.height ?? 0, box?.width ?? 0)).toBeGreaterThanOrEqual(44);
    }
  }
});
