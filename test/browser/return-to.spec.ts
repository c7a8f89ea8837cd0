import { beforeAll, expect, it } from 'vitest';
import { shows } from '../support/browser.js';
import { fillLogin } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { OryAdmin } from '../support/ory.admin.js';
import { newPerson } from '../support/person.js';

const stage = useStage();
const person = newPerson();

beforeAll(async () => {
  await new OryAdmin(stage.stack.env).createPerson(person);
});

it('the way from log in to sign up and back keeps return_to', async () => {
  const { page, stack } = stage;
  await page.goto(`${stack.url}/auth/login?return_to=/?from=login`);
  await page.getByRole('main').getByRole('link', { name: 'Sign up' }).click();
  await page.getByRole('heading', { name: 'Create your account' }).waitFor();
  await page.getByRole('main').getByRole('link', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  await fillLogin(page, person);
  await page.waitForURL(`${stack.url}/?from=login`);
  expect(await shows(page.getByRole('heading', { name: person.name }))).toBe(true);
});

it('the settings of a visitor ask for a login first, and come back', async () => {
  const { page, stack } = stage;
  await page.goto(`${stack.url}/ui/settings`);
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  await fillLogin(page, person);
  expect(await shows(page.getByRole('heading', { name: 'Account settings' }))).toBe(true);
  expect(await page.getByLabel('E-mail').inputValue()).toBe(person.email);
});

it.each(['login', 'registration', 'recovery'])(
  'a %s flow that has expired or never existed becomes a new one',
  async (kind) => {
    const { page, stack } = stage;
    const gone = crypto.randomUUID();
    await page.goto(`${stack.url}/ui/${kind}?flow=${gone}`);
    const { pathname, searchParams } = new URL(page.url());
    expect(pathname).toBe(`/ui/${kind}`);
    expect(searchParams.get('flow')).toMatch(/^[\da-f-]{36}$/);
    expect(searchParams.get('flow')).not.toBe(gone);
  },
);

it('verification asks for a login first, and goes on after it', async () => {
  const { page, stack } = stage;
  await page.goto(`${stack.url}/ui/verification?flow=${crypto.randomUUID()}`);
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  await fillLogin(page, person);
  await page.getByRole('heading', { name: 'Verify your address' }).waitFor();
  expect(new URL(page.url()).pathname).toBe('/ui/verification');
  expect(await page.getByLabel('E-mail address').inputValue()).toBe(person.email);
});

it('a login that replaces an expired flow ends at the account page', async () => {
  const { page, stack } = stage;
  await page.goto(`${stack.url}/ui/login?flow=${crypto.randomUUID()}`);
  await fillLogin(page, person);
  expect(await shows(page.getByRole('heading', { name: person.name }))).toBe(true);
  expect(page.url()).toBe(`${stack.url}/`);
});
