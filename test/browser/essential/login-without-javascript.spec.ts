import { expect, it } from 'vitest';
import { namelessIn, overflowOf, shows } from '../../support/browser.js';
import { useStage } from '../../support/browser.stage.js';
import { newPerson } from '../../support/person.js';

const stage = useStage({
  context: { javaScriptEnabled: false, viewport: { width: 320, height: 640 } },
});

/** The page fits a small phone, and everything on it has a name. */
async function expectReadable(): Promise<void> {
  const url = stage.page.url();
  expect({ url, overflow: await overflowOf(stage.page) }).toEqual({ url, overflow: 0 });
  expect(await namelessIn(stage.page)).toEqual([]);
}

async function type(label: string, text: string): Promise<void> {
  await stage.page.getByLabel(label).click();
  await stage.page.keyboard.press('ControlOrMeta+A');
  await stage.page.keyboard.type(text);
}

it('on a small phone with JavaScript off: sign up, log out, a wrong password, log in', async () => {
  const { page, stack } = stage;
  const person = { ...newPerson(), name: 'Ada King Lovelace' };
  await page.goto(stack.url);
  await expectReadable();
  await page.getByRole('main').getByRole('link', { name: 'Sign up' }).click();
  await page.getByRole('heading', { name: 'Create your account' }).waitFor();
  await expectReadable();
  await type('E-mail', person.email);
  await type('Name', person.name);
  await type('Password', person.password);
  await page.keyboard.press('Enter');

  await page.getByRole('heading', { name: person.name }).waitFor();
  expect(page.url()).toBe(`${stack.url}/`);
  expect(await page.locator('.avatar').innerText()).toBe('AL');
  expect(await page.getByRole('main').innerText()).toContain(person.email);
  await expectReadable();
  await page.getByRole('navigation').getByRole('button', { name: 'Log out', exact: true }).click();

  await page.getByRole('heading', { name: 'Welcome' }).waitFor();
  await page.getByRole('main').getByRole('link', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  await expectReadable();
  // They need a script, so they aren't shown, nor is what would divide them from the rest.
  expect(
    await page
      .getByText(/passkey/i)
      .filter({ visible: true })
      .count(),
  ).toBe(0);
  expect(await page.locator('.divider').filter({ visible: true }).count()).toBe(0);
  await type('E-mail', person.email);
  await type('Password', 'not the password');
  await page.keyboard.press('Enter');

  const alert = page.getByRole('alert');
  await alert.waitFor();
  expect(await alert.innerText()).toContain("The e-mail address or the password isn't right.");
  expect(await page.title()).toBe('Error: Log in · Vestibule');
  expect(await page.getByLabel('E-mail').inputValue()).toBe(person.email);
  expect(await page.getByLabel('Password').inputValue()).toBe('');
  await expectReadable();
  await type('Password', person.password);
  await page.getByRole('main').getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: person.name }).waitFor();
  expect(page.url()).toBe(`${stack.url}/`);
});

it('by the keyboard alone: the first field has the focus, Tab goes on in the order of the page, and the skip link leads to it', async () => {
  const { page, stack } = stage;
  await page.goto(`${stack.url}/auth/signup`);
  const focused = page.locator(':focus');
  const order = [await focused.getAttribute('name')];
  for (let count = 0; count < 3; count += 1) {
    await page.keyboard.press('Tab');
    order.push(await focused.getAttribute('name'));
  }
  expect(order).toEqual(['traits.email', 'traits.name', 'password', 'method']);
  const first = page.locator('a[href], button, input:not([type=hidden])').first();
  expect(await first.innerText()).toBe('Skip to content');
  await first.focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  expect(await focused.innerText()).toBe('Vestibule');
  await page.keyboard.press('Tab');
  expect(await focused.getAttribute('name')).toBe('traits.email');
});

it.each(['/demo', '/docs'])('%s states that it needs JavaScript', async (path) => {
  await stage.page.goto(`${stage.stack.url}${path}`);
  const notice = stage.page.locator('noscript');
  expect(await shows(notice)).toBe(true);
  expect(await notice.innerText()).toContain('needs JavaScript');
  await expectReadable();
});
