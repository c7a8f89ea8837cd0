import { expect, it } from 'vitest';
import { newPerson } from '../support/person.js';
import { VirtualKey } from '../support/virtual.key.js';
import { timeout, useJourney } from './journey.js';

const journey = useJourney();
/** Milliseconds, on a machine that is busy with other things. */
const limit = 4 * timeout;

it(
  'the owner of an address that an outsider signed up with takes it back, and the outsider is out [A01]',
  async () => {
    const outsider = await journey.browser();
    const owner = newPerson();
    const key = await VirtualKey.plugInto(outsider, 'platform');
    await outsider.goto(`${journey.url}/auth/signup`);
    await outsider.getByLabel('E-mail').fill(owner.email);
    await outsider.getByLabel('Name').fill('Not the owner');
    await outsider.getByRole('button', { name: 'Sign up with a passkey' }).click();
    await outsider.waitForURL(`${journey.url}/`);

    // The owner opens the link of a mail that they didn't ask for: it leads to a login that they can't pass.
    const page = await journey.browser();
    const { link = '' } = await journey.mailbox.next(owner.email, /verify/i);
    await page.goto(link);
    await page.getByRole('link', { name: 'Forgot your password?' }).click();
    await page.getByLabel('E-mail address').fill(owner.email);
    await page.keyboard.press('Enter');
    const { code } = await journey.mailbox.next(owner.email, /recover/i);
    await page.getByLabel('Recovery code').fill(code);
    await page.keyboard.press('Enter');
    await page.getByLabel('New password').fill(owner.password);
    await page.keyboard.press('Enter');

    // It ends where the mail's link had led to; the recovery has verified the address already.
    await page.getByRole('heading', { name: 'E-mail address verified' }).waitFor();
    await page.getByRole('link', { name: 'Continue' }).click();
    await page.waitForURL(`${journey.url}/`);
    await page.getByText('Verified', { exact: true }).waitFor();
    expect(await page.getByText(owner.email).first().isVisible()).toBe(true);

    // Neither the outsider's session nor their passkey opens the account any more.
    await outsider.reload();
    await outsider.getByRole('heading', { name: 'Welcome' }).waitFor();
    await key.touch(false);
    await outsider.goto(`${journey.url}/auth/login`);
    await key.touch(true);
    await outsider.getByRole('button', { name: 'Log in with a passkey' }).click();
    await outsider.getByRole('alert').getByText("That passkey doesn't open any account here").waitFor();
    await outsider.goto(journey.url);
    await outsider.getByRole('heading', { name: 'Welcome' }).waitFor();
    expect(await outsider.getByText(owner.email).count()).toBe(0);
  },
  limit,
);
