import { expect, it } from 'vitest';
import { fillLogin, logInIn, logOutIn, signUpIn } from '../../support/browser.person.js';
import { newPerson } from '../../support/person.js';
import { timeout, useJourney } from '../journey.js';

const journey = useJourney();
/** Milliseconds, on a machine that is busy with other things. */
const limit = 4 * timeout;

it(
  'a forgotten password: a code by mail, a new password, and only that one logs in, everywhere',
  async () => {
    const laptop = await journey.browser();
    const person = newPerson();
    await signUpIn(laptop, journey.url, person);

    const page = await journey.browser();
    await page.goto(`${journey.url}/auth/login`);
    await page.getByRole('link', { name: 'Forgot your password?' }).click();
    await page.getByLabel('E-mail address').fill(person.email);
    await page.keyboard.press('Enter');
    const { code } = await journey.mailbox.next(person.email, /recover/i);
    await page.getByLabel('Recovery code').fill(code);
    await page.keyboard.press('Enter');
    const password = `another ${person.password}`;
    await page.getByLabel('New password').fill(password);
    await page.keyboard.press('Enter');

    await page.waitForURL(`${journey.url}/`);
    await page.getByRole('heading', { name: person.name }).waitFor();
    // The code has shown that the address is theirs.
    await page.getByText('Verified', { exact: true }).waitFor();
    await laptop.reload();
    await laptop.getByRole('heading', { name: 'Welcome' }).waitFor();

    await logOutIn(page);
    await page.goto(`${journey.url}/auth/login`);
    await fillLogin(page, person);
    expect(await page.getByRole('alert').innerText()).toContain("isn't right");
    await logInIn(page, journey.url, { email: person.email, password });
    expect(await page.getByRole('heading', { name: person.name }).isVisible()).toBe(true);
  },
  limit,
);
