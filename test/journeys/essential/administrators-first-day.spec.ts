import { describe, expect, it } from 'vitest';
import { fillLogin, logInIn, signUpIn } from '../../support/browser.person.js';
import { newPerson } from '../../support/person.js';
import { databaseKinds } from '../../support/database.kinds.js';
import { timeout, useJourney } from '../journey.js';

describe.each(databaseKinds)('with %s', (database) => {
  const journey = useJourney({ database });

  it(
    'the administrator logs in with the printed password, invites a user, promotes another, and reads who did what',
    async () => {
      // Somebody is there already, and has mistyped their password.
      const colleague = newPerson();
      const theirs = await journey.browser();
      await signUpIn(theirs, journey.url, colleague);
      // Whom an administrator promotes has a verified address.
      await theirs.goto((await journey.mailbox.next(colleague.email, /verify/i)).link ?? '');
      await theirs.locator('[name=code]').press('Enter');
      await theirs.locator('h1').filter({ hasText: 'verified' }).waitFor();
      const elsewhere = await journey.browser();
      await elsewhere.goto(`${journey.url}/auth/login`);
      await fillLogin(elsewhere, { ...colleague, password: 'not that one at all' });
      await elsewhere.getByText("isn't right").waitFor();

      const page = await journey.browser();
      await logInIn(page, journey.url, journey.administrator);
      await page.getByRole('link', { name: 'Administration' }).click();

      // An invitation gives an account alone where no organisation is chosen.
      await page.getByRole('link', { name: 'Invite a person' }).click();
      await page.getByLabel('E-mail address').fill('ada@example.org');
      await page.getByRole('button', { name: 'Invite', exact: true }).click();
      await page.getByText('The invitation has been sent.').waitFor();
      await page.getByRole('button', { name: 'Revoke invitation: ada@example.org' }).waitFor();
      await journey.mailbox.next('ada@example.org', /invited/);
      await page.getByRole('link', { name: 'Organisations' }).click();
      await page.getByLabel('Name', { exact: true }).fill('Analytical Engines');
      await page.getByLabel('Short name').last().fill('engines');
      await page.getByRole('button', { name: 'Create organisation' }).click();
      await page.getByRole('heading', { name: 'Analytical Engines' }).waitFor();
      await page.getByRole('link', { name: 'Administration' }).click();
      await page.getByRole('link', { name: 'Invite a person' }).click();
      await page.getByLabel('E-mail address').fill('grace@example.org');
      await page.getByLabel('Organisation').selectOption({ label: 'Analytical Engines (engines)' });
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
