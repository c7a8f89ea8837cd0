import { expect, it } from 'vitest';
import { fillLogin, logInIn, logOutIn, openSection, signUpIn } from '../../support/browser.person.js';
import { newPerson } from '../../support/person.js';
import { totpCode } from '../../support/totp.code.js';
import { timeout, useJourney } from '../journey.js';

const journey = useJourney();

it(
  'a user changes the password and sets up a second step: the page confirms both, and the next login asks for them',
  async () => {
    const page = await journey.browser();
    const person = newPerson();
    await signUpIn(page, journey.url, person);
    const logins = page.getByRole('article', { name: 'How you log in' });
    const twoStep = logins.getByRole('listitem').filter({ hasText: 'Second step' });
    expect(await twoStep.innerText()).toContain('Off');

    // A second step is for whom the address belongs to: the page says so, and the mail's link leads back here.
    await twoStep.getByRole('link', { name: 'Verify your address first' }).waitFor();
    const { link = '' } = await journey.mailbox.next(person.email, /verify/i);
    await page.goto(link);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('heading', { name: 'E-mail address verified' }).waitFor();
    await page.getByRole('link', { name: 'Continue' }).click();
    await twoStep.getByRole('link', { name: 'Turn on' }).waitFor();

    // The link beside "Password" opens that section of the settings.
    await logins.getByRole('link', { name: 'Change: Password' }).click();
    const password = `another ${person.password}`;
    await page.getByLabel('New password').fill(password);
    await page.getByRole('button', { name: 'Show password' }).click();
    expect(await page.getByLabel('New password').getAttribute('type')).toBe('text');
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.getByText('Your password has been changed.').waitFor();

    const app = await openSection(page, 'Authenticator app');
    const secret = await app.locator('.secret code').innerText();
    await app.getByLabel('Code from the app').fill(totpCode(secret));
    await page.keyboard.press('Enter');
    await page.getByText('Your second step is set up').waitFor();

    await openSection(page, 'Backup codes');
    await page.getByRole('button', { name: 'Create new backup codes' }).click();
    const codes = page.getByRole('region', { name: 'Your backup codes' });
    const [backup = ''] = await codes.locator('li').allInnerTexts();
    await codes.getByRole('button', { name: "I've saved them" }).click();
    await page.getByText('Your new backup codes work from now on').waitFor();

    await page.getByRole('link', { name: 'Back to your account' }).click();
    expect(await twoStep.innerText()).toMatch(/On\s+Authenticator app, Backup codes/);

    await logOutIn(page);
    await page.goto(`${journey.url}/auth/login`);
    await fillLogin(page, person);
    await page.getByText("isn't right").waitFor();
    await fillLogin(page, { email: person.email, password });
    // The field for the code has the focus.
    await page.getByRole('heading', { name: "Confirm it's you" }).waitFor();
    await page.keyboard.type(totpCode(secret));
    await page.getByRole('button', { name: 'Continue' }).first().click();
    await page.getByRole('heading', { name: person.name }).waitFor();

    // The phone is lost: a backup code is the other way.
    await logOutIn(page);
    await page.goto(`${journey.url}/auth/login`);
    await fillLogin(page, { email: person.email, password });
    await page.getByText('Try another way').click();
    await page.getByLabel('Backup code').fill(backup);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: person.name }).waitFor();

    // Without it, the password is enough again.
    await page.goto(`${journey.url}/ui/settings`);
    const settings = await openSection(page, 'Authenticator app');
    await settings.getByRole('button', { name: 'Remove the authenticator app' }).click();
    await page.getByText('The authenticator app has been removed').waitFor();
    const spare = await openSection(page, 'Backup codes');
    await spare.getByRole('button', { name: 'Turn backup codes off' }).click();
    await page.getByText('Your backup codes have been turned off').waitFor();
    await page.getByRole('link', { name: 'Back to your account' }).click();
    await logOutIn(page);
    await logInIn(page, journey.url, { email: person.email, password });
  },
  6 * timeout,
);
