import { expect, it } from 'vitest';
import { fillLogin, logOutIn, signUpIn } from '../support/browser.person.js';
import { newPerson } from '../support/person.js';
import { timeout, useJourney } from './journey.js';

const journey = useJourney({ env: { RATE_LIMIT_POLICIES: 'login-pair=5/15m' } });

it(
  'a user who guesses at a forgotten password is warned, then stopped, and gets back in by mail',
  async () => {
    const page = await journey.browser();
    const person = newPerson();
    await signUpIn(page, journey.url, person);
    await logOutIn(page);

    await page.goto(`${journey.url}/auth/login`);
    const wrong = { ...person, password: 'not that one either' };
    const warning = page.getByRole('main').getByText(/You have (?:\d+ attempts|one attempt) left/);
    await fillLogin(page, wrong);
    await page.getByText("isn't right").waitFor();
    expect(await warning.count()).toBe(0);
    for (const left of [
      'You have 3 attempts left',
      'You have 2 attempts left',
      'You have one attempt left',
    ]) {
      await fillLogin(page, wrong);
      await page.getByText(left).waitFor();
    }
    expect(
      await warning.locator('..').getByRole('link', { name: 'Forgot your password?' }).count(),
    ).toBeGreaterThan(0);
    await fillLogin(page, wrong);
    await page.getByText("isn't right").waitFor();
    await fillLogin(page, person);
    await page.getByText(/Please try again in \d+ minutes/).waitFor();

    // The page that stops them offers the way on.
    await page.getByRole('link', { name: 'Forgot your password?' }).click();
    await page.getByLabel('E-mail address').fill(person.email);
    await page.keyboard.press('Enter');
    const { code } = await journey.mailbox.next(person.email, /recover/i);
    await page.getByLabel('Recovery code').fill(code);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Choose a new password' }).waitFor();
    // There is nothing else to fill in.
    expect(await page.getByRole('textbox').count()).toBe(1);
    await page.getByLabel('New password').fill(`another ${person.password}`);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Your new password is set' }).waitFor();
    await page.getByRole('link', { name: 'Go to your account' }).click();
    await page.getByRole('heading', { name: person.name }).waitFor();
  },
  6 * timeout,
);
