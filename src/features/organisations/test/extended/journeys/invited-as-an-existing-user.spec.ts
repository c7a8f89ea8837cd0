import { expect, it } from 'vitest';
import { shows } from '../../../../../../test/support/browser.js';
import {
  createOrganisationIn,
  fillLogin,
  inviteIn,
  logInIn,
  signUpIn,
} from '../../../../../../test/support/browser.person.js';
import { newPerson } from '../../../../../../test/support/person.js';
import { useJourney } from '../../../../../../test/journeys/journey.js';

/** Milliseconds for the whole journey, on a machine that is busy with other things. */
const limit = 180_000;

const journey = useJourney();

it(
  'invited as an existing user: the link, log in, accept; the active organisation changes only by a switch',
  async () => {
    const guest = newPerson();
    const first = await journey.browser();
    await signUpIn(first, journey.url, guest);
    // Until they have verified their address, the page for a new organisation says what to do.
    await first.goto(`${journey.url}/orgs/new`);
    expect(await shows(first.getByRole('link', { name: 'Verify my address' }))).toBe(true);
    const verification = await journey.mailbox.next(guest.email, /verify/i);
    await first.goto(verification.link ?? '');
    await first.getByRole('button', { name: 'Continue' }).click();
    await first.getByRole('heading', { name: 'E-mail address verified' }).waitFor();
    await first.goto(journey.url);
    await createOrganisationIn(first, 'Own Mill');

    const inviter = await journey.browser();
    await logInIn(inviter, journey.url, journey.administrator);
    await createOrganisationIn(inviter, 'Analytical Engines');
    await inviteIn(inviter, guest.email);

    // In a browser in which they are not logged in.
    const { link } = await journey.mailbox.next(guest.email, /invited to join Analytical Engines/);
    const page = await journey.browser();
    await page.goto(link ?? '');
    await page.getByRole('main').getByRole('link', { name: 'Log in' }).click();
    expect(await shows(page.getByText('Administrator invites you to join Analytical Engines.'))).toBe(true);
    await fillLogin(page, guest);
    await page.getByRole('heading', { name: 'Join Analytical Engines?' }).waitFor();
    await page.getByRole('link', { name: 'Not now' }).click();
    await page.getByRole('heading', { name: guest.name }).waitFor();
    expect(await page.getByRole('link', { name: 'Analytical Engines' }).count()).toBe(0);

    // Once more, now that they are logged in: nothing happens without the button.
    await page.goto(link ?? '');
    await page.getByRole('button', { name: 'Accept' }).click();
    await page.getByRole('heading', { name: 'You are now a member of Analytical Engines' }).waitFor();
    expect(await shows(page.getByText('You still act for the same organisation as before.'))).toBe(true);
    await page.getByRole('link', { name: 'Continue' }).click();
    const organisation = (name: string) => page.getByRole('listitem').filter({ hasText: name });
    expect(await shows(organisation('Own Mill').getByText('Active'))).toBe(true);
    expect(await organisation('Analytical Engines').getByText('Active').count()).toBe(0);
    await page.getByRole('button', { name: 'Switch to Analytical Engines' }).click();
    await organisation('Analytical Engines').getByText('Active').waitFor();
  },
  limit,
);
