import type { Locator, Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { namelessIn, overflowOf } from '../support/browser.js';
import { logInIn } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { OryAdmin } from '../support/ory.admin.js';
import { newPerson } from '../support/person.js';

const stage = useStage();
const listIn = (page: Page): Locator => page.getByRole('article', { name: 'API keys' });

it.each([true, false])(
  'a key is made, shown once, used, and revoked on the account page, JavaScript: %s',
  async (javaScriptEnabled) => {
    const { url } = stage.stack;
    const person = newPerson();
    await new OryAdmin(stage.stack.env).createPerson(person, { isVerified: true });
    const context = await stage.page
      .context()
      .browser()
      ?.newContext({
        javaScriptEnabled,
        viewport: { width: 320, height: 700 },
      });
    context?.setDefaultTimeout(60_000);
    const page = await context?.newPage();
    if (page === undefined) {
      throw new Error('Chromium has gone');
    }
    await logInIn(page, url, person);
    await listIn(page).getByText('New API key').click();
    expect(await overflowOf(page)).toBe(0);
    expect(await namelessIn(page)).toEqual([]);
    await page.getByLabel('Name').fill('Nightly export');
    await page.getByLabel('Read organisations, their members and invites').check();
    await page.getByLabel('Expiry').selectOption('1 year');
    await page.getByRole('button', { name: 'Create key' }).click();
    await page.getByRole('heading', { name: 'Your new API key' }).waitFor();
    expect(await overflowOf(page)).toBe(0);
    const key = await page.getByLabel('Key', { exact: true }).inputValue();
    expect(page.url()).not.toContain('vst_');
    const status = async (): Promise<number> =>
      (await fetch(`${url}/api/v1/me`, { headers: { 'x-api-key': key } })).status;
    expect(await status()).toBe(200);
    const listed = await page.request.get(`${url}/api/v1/api-keys`);
    expect(await listed.json()).toMatchObject({
      items: [{ name: 'Nightly export', scope: 'profile:read orgs:read' }],
    });

    await page.getByRole('link', { name: 'Back to your account' }).click();
    const entry = listIn(page).getByRole('listitem');
    expect(await entry.innerText()).toContain('Nightly export');
    expect(await page.content()).not.toContain(key);
    expect(await overflowOf(page)).toBe(0);
    await page.getByRole('button', { name: 'Revoke API key: Nightly export' }).click();
    await page.getByRole('status').waitFor();
    expect(await page.getByRole('status').innerText()).toBe('The API key has been revoked.');
    expect(await listIn(page).getByRole('listitem').count()).toBe(0);
    expect(await status()).toBe(401);
    await context?.close();
  },
);
