import { beforeAll, expect, it } from 'vitest';
import { descriptionOf, namelessIn, shows } from '../../support/browser.js';
import { fillLogin } from '../../support/browser.person.js';
import { useStage } from '../../support/browser.stage.js';
import { newPerson, signUp } from '../../support/person.js';
import { UserAgent } from '../../support/user-agent.js';

const stage = useStage();
const member = newPerson();

beforeAll(async () => {
  await signUp(new UserAgent(stage.stack.url), member);
});

async function fill(fields: Readonly<Record<string, string>>): Promise<void> {
  await stage.page.goto(`${stage.stack.url}/auth/signup`);
  for (const [label, text] of Object.entries(fields)) {
    await stage.page.getByLabel(label).fill(text);
  }
  await stage.page.keyboard.press('Enter');
}

it('asks for the address, the name and, last, the password; a picture can wait for the settings', async () => {
  const { page, stack } = stage;
  await page.goto(`${stack.url}/auth/signup`);
  const fields = await page.getByRole('main').getByRole('textbox').all();
  expect(await Promise.all(fields.map((field) => field.getAttribute('name')))).toEqual([
    'traits.email',
    'traits.name',
    'password',
  ]);
  expect(await namelessIn(page)).toEqual([]);
});

it('a too short password is reported at its field; the other fields keep their values', async () => {
  const { page } = stage;
  const person = newPerson();
  await fill({ 'E-mail': person.email, Name: person.name, Password: 'short' });
  const password = page.getByLabel('Password');
  await page.locator('[aria-invalid=true]').waitFor();
  expect(await password.getAttribute('aria-invalid')).toBe('true');
  expect(await descriptionOf(password)).toContain('at least 10 characters');
  expect(await password.inputValue()).toBe('');
  expect(await page.getByLabel('E-mail').inputValue()).toBe(person.email);
  expect(await page.getByLabel('Name').inputValue()).toBe(person.name);
  expect(await page.title()).toBe('Error: Create your account · Vestibule');
  expect(await page.content()).not.toContain('"short"');
  expect(await namelessIn(page)).toEqual([]);

  await password.fill(person.password);
  await page.keyboard.press('Enter');
  expect(await shows(page.getByRole('heading', { name: person.name }))).toBe(true);
});

it('a password like the address is reported at its field', async () => {
  const { page } = stage;
  const { email } = newPerson();
  await fill({ 'E-mail': email, Password: email });
  await page.locator('[aria-invalid=true]').waitFor();
  expect(await descriptionOf(page.getByLabel('Password'))).toContain('too much like');
  expect(await page.locator(':focus').getAttribute('name')).toBe('password');
});

// Kratos 1.3 forgets what was typed when an account is in the way; the gateway doesn't.
it('an address that has an account is reported, the fields keep their values, and links lead to login and recovery', async () => {
  const { page } = stage;
  await fill({ 'E-mail': member.email, Name: 'Somebody Else', Password: newPerson().password });
  const alert = page.getByRole('alert');
  await alert.waitFor();
  expect(await alert.innerText()).toBe(
    'There is already an account with this e-mail address. Log in, or choose a new password if you forgot yours.',
  );
  expect(await page.getByLabel('Password').inputValue()).toBe('');
  expect(await page.getByLabel('E-mail').inputValue()).toBe(member.email);
  expect(await page.getByLabel('Name').inputValue()).toBe('Somebody Else');
  expect(await page.title()).toBe('Error: Create your account · Vestibule');
  expect(await alert.getByRole('link', { name: 'choose a new password' }).getAttribute('href')).toContain(
    '/ui/recovery',
  );
  await alert.getByRole('link', { name: 'Log in' }).click();
  await fillLogin(page, member);
  expect(await shows(page.getByRole('heading', { name: member.name }))).toBe(true);
});

it('markup in a name stays text', async () => {
  const { page } = stage;
  const name = '<img src=x onerror=document.title="taken"> & Co';
  await fill({ 'E-mail': newPerson().email, Name: name, Password: newPerson().password });
  expect(await shows(page.getByRole('heading', { level: 1 }).getByText(name))).toBe(true);
  expect(await page.title()).toBe('Your account · Vestibule');
});
