import { beforeAll, expect, it } from 'vitest';
import { namelessIn, shows } from '../../support/browser.js';
import { verifiedPerson } from '../../support/browser.api.js';
import { fillLogin, letIn, logInIn, logOutIn, openSection } from '../../support/browser.person.js';
import { useStage } from '../../support/browser.stage.js';
import { Mailbox } from '../../support/mailbox.js';
import { OryAdmin } from '../../support/ory.admin.js';
import { newPerson } from '../../support/person.js';
import { totpCode } from '../../support/totp.code.js';

const stage = useStage();
let mailbox: Mailbox;

beforeAll(() => {
  mailbox = new Mailbox(stage.stack);
});

/** From the login page to the page that asks for the code. */
async function askForCode(email: string): Promise<void> {
  const { page, stack } = stage;
  await page.goto(`${stack.url}/auth/login`);
  await page.getByRole('link', { name: 'Forgot your password?' }).click();
  await page.getByRole('heading', { name: 'Recover your account' }).waitFor();
  expect(await namelessIn(page)).toEqual([]);
  await page.getByLabel('E-mail address').fill(email);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Check your e-mail' }).waitFor();
}

it('a forgotten password: a code by mail, a new password, and that one logs in', async () => {
  const { page, stack } = stage;
  const person = newPerson();
  await new OryAdmin(stack.env).createPerson(person);
  await askForCode(person.email);
  const { code } = await mailbox.next(person.email, /recover/i);
  await page.getByLabel('Recovery code').fill(code);
  await page.keyboard.press('Enter');

  await page.getByRole('heading', { name: 'Choose a new password' }).waitFor();
  expect(await page.getByRole('status').first().innerText()).toContain('You are back in');
  // Nothing else can be filled in, and the header offers no login.
  expect(await page.getByRole('textbox').count()).toBe(1);
  expect(await page.getByRole('navigation').count()).toBe(0);
  expect(await namelessIn(page)).toEqual([]);
  const password = `another ${person.password}`;
  await page.getByLabel('New password').fill(password);
  await page.getByRole('button', { name: 'Change password' }).click();
  // The login that the person came from goes on by itself.
  await page.getByRole('heading', { name: person.name }).waitFor();

  await logOutIn(page);
  await page.goto(`${stack.url}/auth/login`);
  await fillLogin(page, person);
  expect(await page.getByRole('alert').innerText()).toContain("isn't right");
  await logInIn(page, stack.url, { email: person.email, password });
  expect(await shows(page.getByRole('heading', { name: person.name }))).toBe(true);
});

it('a recovery without a destination ends in the settings, which lead to the account', async () => {
  const { page, stack } = stage;
  const person = newPerson();
  await new OryAdmin(stack.env).createPerson(person);
  await page.goto(`${stack.url}/ui/recovery`);
  await page.getByLabel('E-mail address').fill(person.email);
  await page.keyboard.press('Enter');
  const { code } = await mailbox.next(person.email, /recover/i);
  await page.getByLabel('Recovery code').fill(code);
  await page.keyboard.press('Enter');
  await page.getByLabel('New password').fill(`another ${person.password}`);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Your new password is set' }).waitFor();
  await page.getByRole('link', { name: 'Go to your account' }).click();
  expect(await shows(page.getByRole('heading', { name: person.name }))).toBe(true);
});

it('an account with a second factor is asked for it, and then for a new password, as any other', async () => {
  const { page, stack } = stage;
  const person = await verifiedPerson(stack);
  await letIn(page, stack.url, person);
  await page.goto(`${stack.url}/ui/settings`);
  const app = await openSection(page, 'Authenticator app');
  const secret = await app.locator('.secret code').innerText();
  await app.getByLabel('Code from the app').fill(totpCode(secret));
  await app.getByRole('button', { name: 'Set up the app' }).click();
  await page.getByRole('button', { name: 'Remove the authenticator app' }).waitFor();
  await page.goto(stack.url);
  await logOutIn(page);

  await page.goto(`${stack.url}/ui/recovery`);
  await page.getByLabel('E-mail address').fill(person.email);
  await page.keyboard.press('Enter');
  const { code } = await mailbox.next(person.email, /recover/i);
  await page.getByLabel('Recovery code').fill(code);
  await page.keyboard.press('Enter');
  await page.getByLabel('Code from the app').fill(totpCode(secret));
  await page.keyboard.press('Enter');

  await page.getByRole('heading', { name: 'Choose a new password' }).waitFor();
  expect(await page.getByRole('status').first().innerText()).toContain('You are back in');
  expect(await page.getByRole('textbox').count()).toBe(1);
  await page.getByLabel('New password').fill(`another ${person.password}`);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Your new password is set' }).waitFor();
  await page.getByRole('link', { name: 'Go to your account' }).click();
  expect(await shows(page.getByRole('heading', { name: person.name }))).toBe(true);
});

it('a wrong code is reported, and the right one still works', async () => {
  const { page, stack } = stage;
  const person = newPerson();
  await new OryAdmin(stack.env).createPerson(person);
  await askForCode(person.email);
  const { code } = await mailbox.next(person.email, /recover/i);
  await page.getByLabel('Recovery code').fill(code === '000000' ? '111111' : '000000');
  await page.keyboard.press('Enter');
  expect(await page.getByRole('alert').innerText()).toContain("isn't right");
  await page.getByLabel('Recovery code').fill(code);
  await page.keyboard.press('Enter');
  expect(await shows(page.getByRole('heading', { name: 'Choose a new password' }))).toBe(true);
});

it('an address without an account gets the same page and no mail', async () => {
  const { page, stack } = stage;
  const known = newPerson();
  await new OryAdmin(stack.env).createPerson(known);
  await askForCode(newPerson().email);
  const forStranger = await page.getByRole('main').innerText();
  await askForCode(known.email);
  expect(await page.getByRole('main').innerText()).toBe(forStranger);
});
