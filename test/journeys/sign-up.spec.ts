import { describe, expect, it } from 'vitest';
import { signUpIn } from '../support/browser.person.js';
import { newPerson } from '../support/person.js';
import { databaseKinds, patience, useJourney } from './journey.js';

/** Milliseconds, on a machine that is busy with other things. */
const limit = 4 * patience;

describe.each(databaseKinds)('with %s', (database) => {
  const journey = useJourney({ database });

  it(
    'sign up, open the link in the mail, Continue, Continue: the account page says verified',
    async () => {
      const page = await journey.browser();
      const person = newPerson();
      await signUpIn(page, journey.url, person);
      await page.getByText('Not verified', { exact: true }).waitFor();

      const { link = '' } = await journey.mailbox.next(person.email, /verify/i);
      await page.goto(link);
      await page.getByRole('button', { name: 'Continue' }).click();
      await page.getByRole('heading', { name: 'E-mail address verified' }).waitFor();
      await page.getByRole('link', { name: 'Continue' }).click();

      await page.waitForURL(`${journey.url}/`);
      await page.getByRole('heading', { name: person.name }).waitFor();
      await page.getByText('Verified', { exact: true }).waitFor();
      expect(await page.getByText('Not verified', { exact: true }).count()).toBe(0);
    },
    limit,
  );
});
