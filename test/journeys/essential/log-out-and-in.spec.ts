import { expect, it } from 'vitest';
import { logInIn, logOutIn, signUpIn } from '../../support/browser.person.js';
import { newPerson } from '../../support/person.js';
import { timeout, useJourney } from '../journey.js';

const journey = useJourney();

it(
  'a new user signs up, logs out, and logs in again; another browser stays logged out',
  async () => {
    const page = await journey.browser();
    const person = newPerson();

    await signUpIn(page, journey.url, person);
    await page.getByRole('heading', { name: person.name }).waitFor();

    await logOutIn(page);
    await logInIn(page, journey.url, person);
    expect(await page.getByRole('heading', { name: person.name }).isVisible()).toBe(true);

    const other = await journey.browser();
    await other.goto(journey.url);
    expect(await other.getByRole('heading', { name: 'Welcome' }).isVisible()).toBe(true);
  },
  4 * timeout,
);
