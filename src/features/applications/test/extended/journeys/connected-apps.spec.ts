import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { shows } from '../../../../../../test/support/browser.js';
import { logInIn, signUpIn } from '../../../../../../test/support/browser.person.js';
import { newPerson } from '../../../../../../test/support/person.js';
import { startWebApp } from '../../../../../../test/support/web.app.js';
import { timeout, useJourney } from '../../../../../../test/journeys/journey.js';

/** Milliseconds, on a machine that is busy with other things. */
const limit = 4 * timeout;

const app = await startWebApp();
const journey = useJourney();
const person = newPerson();
let page: Page;
let admin: Page;

beforeAll(async () => {
  journey.expectOrigin(app.origin);
  page = await journey.browser({ locale: 'en-GB' });
  await signUpIn(page, journey.url, person);
  admin = await journey.browser({ locale: 'en-GB' });
  await logInIn(admin, journey.url, journey.administrator);
  const answer = await admin.request.post(`${journey.url}/api/v1/applications`, {
    headers: { origin: journey.url },
    data: {
      name: 'Calendar',
      kind: 'web',
      redirectUris: [app.redirectUri],
      scope: 'openid email offline_access',
    },
  });
  const { id, clientSecret } = z
    .looseObject({ id: z.string(), clientSecret: z.string() })
    .parse(await answer.json());
  await app.connect(`${journey.url}/ory/hydra`, id, clientSecret);
}, limit);

afterAll(() => app.stop());

it(
  'a user gives an application access, sees it on the account page, revokes it there, and the application loses it at once',
  async () => {
    await page.goto(`${app.origin}/login`);
    await page.getByLabel('Remember this').check();
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    await page.waitForURL(`${app.origin}/`);
    expect(await shows(page.getByRole('heading', { name: `Logged in as ${person.email}` }))).toBe(true);
    expect([await app.userinfo(), await app.refresh()]).toEqual(['ok', 'ok']);
    // It isn't asked again.
    await page.goto(`${app.origin}/login`);
    await page.waitForURL(`${app.origin}/`);

    await page.goto(journey.url);
    const section = page.getByRole('article', { name: 'Connected apps' });
    const entry = section.getByRole('listitem').filter({ hasText: 'Calendar' });
    const words = await entry.innerText();
    expect(words).toContain('A program on your device');
    expect(words).toContain('See your e-mail address');
    expect(words).toContain("Keep this access while you aren't using it");
    expect(words).toMatch(/Since .*\d/);
    expect(words).toMatch(/Last used .*\d/);

    await entry.getByRole('button', { name: 'Revoke access: Calendar' }).click();
    await page.getByText('Calendar no longer has access.').waitFor();
    expect([await app.userinfo(), await app.refresh()]).toEqual(['401', 'invalid_grant']);
    expect(await shows(section.getByText('None.'))).toBe(true);

    await page.goto(`${app.origin}/login`);
    expect(await shows(page.getByRole('heading', { name: 'Allow Calendar to use your account?' }))).toBe(
      true,
    );
  },
  limit,
);

it(
  'an administrator sees who has given which application access, and revokes it without JavaScript',
  async () => {
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    await page.waitForURL(`${app.origin}/`);
    expect(await app.userinfo()).toBe('ok');
    const plain = await journey.browser({ locale: 'en-GB', javaScriptEnabled: false });
    await logInIn(plain, journey.url, journey.administrator);
    await plain.goto(`${journey.url}/admin/users?search=${encodeURIComponent(person.email)}`);
    await plain.getByRole('link', { name: person.name }).click();
    const section = plain.getByRole('article', { name: 'Connected apps' });
    await section.getByRole('button', { name: 'Revoke access: Calendar' }).click();
    await plain.getByText('Calendar no longer has access.').waitFor();
    expect([await app.userinfo(), await app.refresh()]).toEqual(['401', 'invalid_grant']);
  },
  limit,
);
