import { expect, it } from 'vitest';
import { fillLogin, logInIn, logOutIn, signUpIn } from '../../support/browser.person.js';
import { expireFlows } from '../../support/expired.flows.js';
import { newPerson } from '../../support/person.js';
import { timeout, useJourney } from '../journey.js';

const journey = useJourney();
/** Milliseconds, on a machine that is busy with other things. */
const limit = 4 * timeout;

it(
  'a second tab, the back button and an expired form all end at the user’s destination',
  async () => {
    const page = await journey.browser();
    const person = newPerson();
    await signUpIn(page, journey.url, person);
    await logOutIn(page);

    // Two tabs ask for the login; the one that was opened first is used last.
    await page.goto(`${journey.url}/auth/login?return_to=/?from=login`);
    const second = await page.context().newPage();
    await logInIn(second, journey.url, person);
    await fillLogin(page, person);
    await page.waitForURL(`${journey.url}/?from=login`);

    // The back button leads to no form that is of no use any more.
    await second.goBack();
    await second.getByRole('heading', { name: person.name }).waitFor();

    // A logout in one tab is one in the other, and the back button shows no account after it.
    await second.goto(journey.url);
    await logOutIn(second);
    await page.goto(journey.url);
    await page.getByRole('heading', { name: 'Welcome' }).waitFor();
    await second.goBack();
    expect(await second.content()).not.toContain(person.email);
    await second.close();

    // A login page that was open over lunch starts anew, with what was typed but the password.
    await page.goto(`${journey.url}/auth/login?return_to=/?from=login`);
    await page.getByLabel('E-mail').fill(person.email);
    await page.getByLabel('Password').fill(person.password);
    expireFlows(journey.dataDir, 'login');
    await page.keyboard.press('Enter');
    await page.getByText('This page was open for too long').waitFor();
    expect(await page.getByLabel('E-mail').inputValue()).toBe(person.email);
    expect(await page.getByLabel('Password').inputValue()).toBe('');
    await page.getByLabel('Password').fill(person.password);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${journey.url}/?from=login`);
  },
  limit,
);
