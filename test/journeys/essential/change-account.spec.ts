import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { fillLogin, logInIn, logOutIn, openSection, signUpIn } from '../../support/browser.person.js';
import { newPerson } from '../../support/person.js';
import { totpCode } from '../../support/totp.code.js';
import { timeout, useJourney } from '../journey.js';

const journey = useJourney();

const sessionSchema = z.looseObject({
  user: z.looseObject({ email: z.string(), emailVerified: z.boolean(), name: z.string() }),
  session: z.looseObject({ id: z.string() }),
});

interface Facts {
  readonly email: string;
  readonly name: string;
  readonly isVerified: boolean;
}

/** Holds what the account page, the session, the API and forward auth say in this browser now. @returns the session's id. */
async function expectEverywhere(page: Page, { email, name, isVerified }: Facts): Promise<string> {
  const { request } = page.context();
  const verify = await request.get(`${journey.url}/auth/verify`);
  expect(verify.status()).toBe(200);
  expect(verify.headers()['x-auth-name']).toBe(name);
  expect(verify.headers()['x-auth-email']).toBe(isVerified ? email : undefined);
  const verified = await request.get(`${journey.url}/auth/verify?verified=true`);
  expect(verified.status()).toBe(isVerified ? 200 : 403);

  const { user, session } = sessionSchema.parse(
    await (await request.get(`${journey.url}/auth/session`)).json(),
  );
  expect(user).toMatchObject({ email, name, emailVerified: isVerified });
  expect(await (await request.get(`${journey.url}/api/v1/me`)).json()).toMatchObject({
    email,
    name,
    emailVerified: isVerified,
  });

  await page.goto(journey.url);
  await page.getByRole('heading', { name }).waitFor();
  const shown = await page.getByRole('main').innerText();
  expect(shown).toContain(email);
  expect(await page.getByText('Not verified').count()).toBe(isVerified ? 0 : 1);
  return session.id;
}

async function saveProfile(page: Page, label: string, text: string): Promise<void> {
  await page.getByRole('link', { name: 'Settings' }).click();
  const profile = await openSection(page, 'Profile');
  await profile.getByLabel(label).fill(text);
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Your profile has been saved').waitFor();
}

async function verify(page: Page, email: string): Promise<void> {
  const { link = '' } = await journey.mailbox.next(email, /verify/i);
  await page.goto(link);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'E-mail address verified' }).waitFor();
}

it(
  'a user changes name, address, password and second factor: each takes effect at once, in one session',
  async () => {
    const person = newPerson();
    const page = await journey.browser();
    await signUpIn(page, journey.url, person);
    const facts = { email: person.email, name: person.name, isVerified: false };
    const session = await expectEverywhere(page, facts);
    await verify(page, person.email);
    expect(await expectEverywhere(page, { ...facts, isVerified: true })).toBe(session);

    await saveProfile(page, 'Name', 'Grace Brewster Murray Hopper');
    expect(await page.getByRole('main').innerText()).not.toContain("We've sent an e-mail");
    const named = { ...facts, name: 'Grace Brewster Murray Hopper', isVerified: true };
    expect(await expectEverywhere(page, named)).toBe(session);

    // The same person at another computer sees it, too.
    const elsewhere = await journey.browser();
    await logInIn(elsewhere, journey.url, person);
    const email = `new-${person.email}`;
    await saveProfile(page, 'E-mail', email);
    expect(await page.getByRole('main').innerText()).toContain("We've sent an e-mail to the new address");
    expect(await expectEverywhere(page, { ...named, email, isVerified: false })).toBe(session);
    await expectEverywhere(elsewhere, { ...named, email, isVerified: false });
    await verify(page, email);
    expect(await expectEverywhere(page, { ...named, email })).toBe(session);
    await expectEverywhere(elsewhere, { ...named, email });

    // A new password ends the sessions elsewhere, and not this one.
    const password = `another ${person.password}`;
    await page.getByRole('link', { name: 'Change: Password' }).click();
    await page.getByLabel('New password').fill(password);
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.getByText('Your password has been changed.').waitFor();
    expect(await expectEverywhere(page, { ...named, email })).toBe(session);
    expect((await elsewhere.context().request.get(`${journey.url}/auth/session`)).status()).toBe(401);

    const twoStep = page
      .getByRole('article', { name: 'How you log in' })
      .getByRole('listitem')
      .filter({ hasText: 'Second step' });
    await twoStep.getByRole('link', { name: 'Turn on' }).click();
    const app = await openSection(page, 'Authenticator app');
    const secret = await app.locator('.secret code').innerText();
    await app.getByLabel('Code from the app').fill(totpCode(secret));
    await page.keyboard.press('Enter');
    await page.getByText('Your second step is set up').waitFor();
    expect(await expectEverywhere(page, { ...named, email })).toBe(session);
    expect(await twoStep.innerText()).toMatch(/On\s+Authenticator app/);

    await logOutIn(page);
    await page.goto(`${journey.url}/auth/login`);
    await fillLogin(page, { email, password });
    await page.getByRole('heading', { name: "Confirm it's you" }).waitFor();
    await page.keyboard.type(totpCode(secret));
    await page.getByRole('button', { name: 'Continue' }).first().click();
    await expectEverywhere(page, { ...named, email });
  },
  8 * timeout,
);
