import { expect, it } from 'vitest';
import { fillLogin, signUpIn } from '../support/browser.person.js';
import { newPerson } from '../support/person.js';
import { timeout, useJourney } from './journey.js';

const journey = useJourney();
/** Milliseconds, on a machine that is busy with other things. */
const limit = 4 * timeout;

it(
  'sign up, close the browser, and come back through the link in another browser',
  async () => {
    const first = await journey.browser();
    const person = newPerson();
    await signUpIn(first, journey.url, person);
    await first.context().close();

    const phone = await journey.browser();
    const { link = '' } = await journey.mailbox.next(person.email, /verify/i);
    await phone.goto(link);
    await fillLogin(phone, person);
    await phone.getByRole('button', { name: 'Continue' }).click();
    await phone.getByRole('heading', { name: 'E-mail address verified' }).waitFor();
    await phone.getByRole('link', { name: 'Continue' }).click();

    await phone.waitForURL(`${journey.url}/`);
    await phone.getByRole('heading', { name: person.name }).waitFor();
    await phone.getByText('Verified', { exact: true }).waitFor();
    expect(await phone.getByText('Not verified', { exact: true }).count()).toBe(0);
  },
  limit,
);
