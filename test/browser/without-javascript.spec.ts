import { expect, it } from 'vitest';
import { shows } from '../support/browser.js';
import { verifiedPerson } from '../support/browser.api.js';
import { fillLogin, letIn, logInIn, logOutIn, openSection, signUpIn } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { Mailbox } from '../support/mailbox.js';
import { newPerson } from '../support/person.js';
import { totpCode } from '../support/totp.code.js';

/** The flows that other files try in a browser with JavaScript: none of them needs it. */
const stage = useStage({ context: { javaScriptEnabled: false } });

it('verification and recovery by mail, a new password', async () => {
  const { page, stack } = stage;
  const mailbox = new Mailbox(stack);
  const person = newPerson();
  await signUpIn(page, stack.url, person);
  const { link, code } = await mailbox.next(person.email, /verify/i);
  await page.goto(link ?? '');
  await page.getByLabel('Verification code').fill(code);
  await page.keyboard.press('Enter');
  expect(await shows(page.getByRole('heading', { name: 'E-mail address verified' }))).toBe(true);

  await page.goto(stack.url);
  await logOutIn(page);
  await page.goto(`${stack.url}/auth/login`);
  await page.getByRole('link', { name: 'Forgot your password?' }).click();
  await page.getByLabel('E-mail address').fill(person.email);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Check your e-mail' }).waitFor();
  await page.getByLabel('Recovery code').fill((await mailbox.next(person.email, /recover/i)).code);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Choose a new password' }).waitFor();
  const password = `another ${person.password}`;
  await page.getByLabel('New password').fill(password);
  await page.getByRole('button', { name: 'Change password' }).click();
  expect(await shows(page.getByRole('heading', { name: person.name }))).toBe(true);
  await logOutIn(page);
  await logInIn(page, stack.url, { email: person.email, password });
  expect(await shows(page.getByText('Verified', { exact: true }))).toBe(true);
});

it('an authenticator app and backup codes: set up, asked for, used', async () => {
  const { page, stack } = stage;
  const person = await verifiedPerson(stack);
  await letIn(page, stack.url, person);
  await page.goto(`${stack.url}/ui/settings`);
  await openSection(page, 'Authenticator app');
  expect(await page.getByRole('img', { name: 'QR code for an authenticator app' }).isVisible()).toBe(true);
  const secret = await page.locator('form:has([name=totp_code]) .secret code').innerText();
  await page.getByLabel('Code from the app').fill(totpCode(secret));
  await page.getByRole('button', { name: 'Set up the app' }).click();
  expect(await shows(page.getByRole('button', { name: 'Remove the authenticator app' }))).toBe(true);
  await openSection(page, 'Backup codes');
  await page.getByRole('button', { name: 'Create new backup codes' }).click();
  const [backup = ''] = await page.locator('.secret li code').allInnerTexts();
  await page.getByRole('button', { name: "I've saved them" }).click();
  expect(await shows(page.getByText('Your new backup codes work from now on'))).toBe(true);

  for (const second of ['app', 'backup'] as const) {
    await page.goto(stack.url);
    await logOutIn(page);
    await page.goto(`${stack.url}/auth/login`);
    await fillLogin(page, person);
    await page.getByText('protected by a second step').waitFor();
    if (second === 'app') {
      await page.getByLabel('Code from the app').fill(totpCode(secret));
      await page.getByRole('button', { name: 'Continue' }).first().click();
    } else {
      await page.getByText('Try another way').click();
      await page.getByLabel('Backup code').fill(backup);
      await page.getByRole('button', { name: 'Continue' }).last().click();
    }
    await page.waitForURL(`${stack.url}/`);
    expect(await shows(page.getByRole('heading', { name: person.name }))).toBe(true);
  }
});
