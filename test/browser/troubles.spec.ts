import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { axeViolations } from '../support/axe.js';
import { shows } from '../support/browser.js';
import { logInIn } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { newPerson, signUp } from '../support/person.js';
import { UserAgent } from '../support/user-agent.js';

const stage = useStage({ stack: { env: { RATE_LIMIT: 'true', RATE_LIMIT_POLICIES: 'login-pair=3/5m' } } });

/** What a page of an error says: its code, which a line of the log has too, together with the request id. */
async function codeOf(page: Page): Promise<string> {
  const [code = '', requestId = ''] = await page.locator('dd code').allInnerTexts();
  expect(requestId).toMatch(/^[\w-]{20,}$/);
  expect(stage.stack.log.filter((line) => line.includes(requestId) && line.includes(code))).not.toEqual([]);
  expect(await axeViolations(page)).toEqual([]);
  return code;
}

async function tryToLogIn(page: Page, email: string, password = 'not the right one'): Promise<void> {
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
}

describe('each trouble has a page that says what to do, and a code that the log has too', () => {
  it('a browser that accepts no cookies', async () => {
    const { page, stack } = stage;
    await page.goto(`${stack.url}/auth/login`);
    await page.context().clearCookies();
    await tryToLogIn(page, 'somebody@example.org');
    expect(await codeOf(page)).toBe('security_csrf_violation');
    expect(await page.getByRole('main').innerText()).toMatch(/cookies/);
    await page.getByRole('link', { name: 'Start again' }).click();
    expect(await shows(page.getByRole('heading', { name: 'Log in' }))).toBe(true);
  });

  it('too many attempts: the page states how long to wait, and live sessions continue', async () => {
    const { page, stack } = stage;
    const person = newPerson();
    await signUp(new UserAgent(stack.url), person);
    const elsewhere = await stage.other();
    await logInIn(elsewhere, stack.url, person);
    await page.goto(`${stack.url}/auth/login`);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await tryToLogIn(page, person.email);
      expect(await shows(page.getByRole('alert'))).toBe(true);
    }
    await tryToLogIn(page, person.email, person.password);
    expect(await codeOf(page)).toBe('rate_limited');
    expect(await page.getByRole('main').innerText()).toMatch(/try again in (?:\d+ minutes|a minute)/);
    await elsewhere.reload();
    expect(await shows(elsewhere.getByRole('heading', { name: person.name }))).toBe(true);
  });

  it('a provider that is down: live sessions continue, and a login asks to try again', async () => {
    const { page, stack } = stage;
    const person = newPerson();
    await signUp(new UserAgent(stack.url), person);
    await logInIn(page, stack.url, person);
    const visitor = await stage.other();
    await stack.ory.stop();
    await visitor.goto(`${stack.url}/auth/login`);
    expect(await codeOf(visitor)).toBe('provider_unavailable');
    expect(await visitor.getByRole('link', { name: 'Try again' }).isVisible()).toBe(true);
    await page.reload();
    expect(await shows(page.getByRole('heading', { name: person.name }))).toBe(true);
  });
});
