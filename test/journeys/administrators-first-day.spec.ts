import { describe, expect, it } from 'vitest';
import { fillLogin, logInIn, signUpIn } from '../support/browser.person.js';
import { newPerson } from '../support/person.js';
import { databaseKinds, timeout, useJourney } from './journey.js';

describe.each(databaseKinds)('with %s', (database) => {
  const journey = useJourney({ database });

  it(
    'the administrator logs in with the printed password, invites a user, promotes another, and reads who did what',
    async () => {
      // Somebody is there already, and has mistyped their password.
      const colleague = newPerson();
      const theirs = await journey.browser();
      await signUpIn(theirs, journey.url, colleague);
      const elsewhere = await journey.browser();
      await elsewhere.goto(`${journey.url}/auth/login`);
      await fillLogin(elsewhere, { ...colleague, password: 'not that one at all' });
      await elsewhere.getByText("isn't right").waitFor();

      const page = await journey.browser();
      await logInIn(page, journey.url, journey.administrator);
      await page.getByRole('link', { name: 'Administration' }).click();

      // An invitation leads into an organisation, and the page says so where there is none.
      await page.getByRole('link', { name: 'Invite a person' }).click();
      await page.getByRole('link', { name: 'Create one first' }).click();
      await page.getByLabel('Name', { exact: true }).fill('Analytical Engines');
      await page.getByLabel('Short name').last().fill('engines');
      await page.getByRole('button', { name: 'Create organisation' }).click();
      await page.getByRole('heading', { name: 'Analytical Engines' }).waitFor();
      await page.getByRole('link', { name: 'Administration' }).click();
      await page.getByRole('link', { name: 'Invite a person' }).click();
      await page.getByLabel('E-mail address').fill('grace@example.org');
      await page.getByLabel('Organisation').selectOption({ label: 'Analytical Engines' });
      await page.getByRole('button', { name: 'Invite', exact: true }).click();
      await page.getByText('The invitation has been sent.').waitFor();
      const { text } = await journey.mailbox.next('grace@example.org', /invited/);
      expect(text).toContain('Analytical Engines');

      await page.getByRole('link', { name: colleague.name }).click();
      await page.getByLabel('Role').selectOption({ label: 'Administrator' });
      await page.getByRole('button', { name: 'Change role' }).click();
      await page.getByText('The role has been changed.').waitFor();

      // Names stand in the trail, and what happened at the login provider is in it too.
      await page.getByRole('link', { name: 'Audit events' }).click();
      const row = (event: string) => page.getByRole('row').filter({ hasText: event }).first();
      expect(await row('Role changed').innerText()).toMatch(new RegExp(`Administrator[^]*${colleague.name}`));
      expect(await row('Login failed').innerText()).toContain(colleague.name);
      expect(await row('Account created').innerText()).toMatch(/Administrator|Person/);
      expect(await row('Organisation created').innerText()).toContain('Analytical Engines');
      expect(await page.getByRole('table').innerText()).not.toMatch(/User …/);
    },
    6 * timeout,
  );
});
