import { expect, it } from 'vitest';
import { shows } from '../../support/browser.js';
import { createOrganisationIn, fillSignUp, inviteIn, logInIn } from '../../support/browser.person.js';
import { newPerson } from '../../support/person.js';
import { useJourney } from '../journey.js';

/** Milliseconds for the whole journey, on a machine that is busy with other things. */
const limit = 180_000;

const journey = useJourney();

it(
  'invited by email as a new user: the link, sign up, accept; the mail that verifies the address is no longer needed',
  async () => {
    const inviter = await journey.browser();
    await logInIn(inviter, journey.url, journey.administrator);
    await createOrganisationIn(inviter, 'Analytical Engines');
    const guest = newPerson();
    await inviteIn(inviter, guest.email);

    const { link } = await journey.mailbox.next(guest.email, /invited to join Analytical Engines/);
    const page = await journey.browser();
    await page.goto(link ?? '');
    const invitation = page.getByText('Administrator invites you to join Analytical Engines.');
    expect(await shows(invitation)).toBe(true);
    // The link was mailed and shown to nobody else: the page may say to which address.
    expect(await shows(page.getByText(`Use ${guest.email}`))).toBe(true);
    await page.getByRole('main').getByRole('link', { name: 'Sign up' }).click();
    expect(await shows(invitation)).toBe(true);

    // To the log-in page and back by the header: the invitation stays.
    const header = page.getByRole('banner');
    await header.getByRole('link', { name: 'Log in' }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    expect(await shows(invitation)).toBe(true);
    await header.getByRole('link', { name: 'Sign up' }).click();
    await page.getByRole('heading', { name: 'Create your account' }).waitFor();
    expect(await shows(invitation)).toBe(true);
    expect(await page.getByLabel('E-mail').inputValue()).toBe(guest.email);
    await fillSignUp(page, guest);

    await page.getByRole('heading', { name: 'Join Analytical Engines?' }).waitFor();
    expect(await shows(page.getByText(`You are logged in as ${guest.email}.`))).toBe(true);
    await page.getByRole('button', { name: 'Accept' }).click();
    await page.getByRole('heading', { name: 'You are now a member of Analytical Engines' }).waitFor();
    expect(await shows(page.getByText('You are now acting for Analytical Engines.'))).toBe(true);
    await page.getByRole('link', { name: 'Continue' }).click();

    await page.getByRole('heading', { name: guest.name }).waitFor();
    expect(await shows(page.getByText('Verified', { exact: true }))).toBe(true);
    expect(await shows(page.getByRole('link', { name: 'Analytical Engines' }))).toBe(true);

    // The sign-up has sent a mail as well; the accepted invitation had verified the address by then.
    const verification = await journey.mailbox.next(guest.email, /verify/i);
    await page.goto(verification.link ?? '');
    await page.getByRole('heading', { name: 'E-mail address verified' }).waitFor();
    await page.getByRole('main').getByRole('link', { name: 'Continue' }).click();
    await page.getByRole('heading', { name: guest.name }).waitFor();
    expect(await shows(page.getByText('Verified', { exact: true }))).toBe(true);
  },
  limit,
);
