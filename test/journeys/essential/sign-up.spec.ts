import { expect, it } from 'vitest';
import { signUpIn } from '../../support/browser.person.js';
import { newPerson } from '../../support/person.js';
import { timeout, useJourney } from '../journey.js';

/** Milliseconds, on a machine that is busy with other things. */
const limit = 4 * timeout;

const journey = useJourney();

it(
  'sign up, open the mailbox that the terminal printed, the mail and the button in it, Continue, Continue: the account page shows the address as verified',
  async () => {
    const page = await journey.browser();
    const person = newPerson();
    await signUpIn(page, journey.url, person);
    await page.getByText('Not verified', { exact: true }).waitFor();

    await journey.mailbox.next(person.email, /verify/i);
    const mail = await page.context().newPage();
    await mail.goto(journey.mailboxUrl);
    const item = mail.getByRole('listitem').filter({ hasText: person.email });
    await item.getByRole('link', { name: 'Verify your e-mail address' }).click();
    await mail.getByRole('heading', { name: 'Verify your e-mail address' }).waitFor();
    const opened = page.context().waitForEvent('page');
    await mail.frameLocator('iframe').getByRole('link', { name: 'Verify the address' }).click();
    const verified = await opened;
    await verified.getByRole('button', { name: 'Continue' }).click();
    await verified.getByRole('heading', { name: 'E-mail address verified' }).waitFor();
    await verified.getByRole('link', { name: 'Continue' }).click();

    await verified.waitForURL(`${journey.url}/`);
    await verified.getByRole('heading', { name: person.name }).waitFor();
    await verified.getByText('Verified', { exact: true }).waitFor();
    expect(await verified.getByText('Not verified', { exact: true }).count()).toBe(0);
  },
  limit,
);
