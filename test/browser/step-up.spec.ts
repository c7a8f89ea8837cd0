import { expect, it } from 'vitest';
import { namelessIn, overflowOf, shows } from '../support/browser.js';
import { verifiedPerson } from '../support/browser.api.js';
import { letIn, logInIn, logOutIn, openSection } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { totpCode } from '../support/totp.code.js';

const stage = useStage();

/** Sets up an authenticator app on the settings page that is open. @returns its secret. */
async function setUpApp(): Promise<string> {
  const { page } = stage;
  const app = await openSection(page, 'Authenticator app');
  const secret = await app.locator('.secret code').innerText();
  await app.getByLabel('Code from the app').fill(totpCode(secret));
  await app.getByRole('button', { name: 'Set up the app' }).click();
  return secret;
}

async function acrOf(): Promise<unknown> {
  const answer: unknown = await stage.page.evaluate("fetch('/auth/session').then((answer) => answer.json())");
  return Reflect.get(Object(Reflect.get(Object(answer), 'claims')), 'acr');
}

it('the settings show the QR code and the key; with the app set up, a login asks for its code', async () => {
  const { page, stack } = stage;
  const person = await verifiedPerson(stack);
  await letIn(page, stack.url, person);
  await page.goto(`${stack.url}/ui/settings`);
  await openSection(page, 'Authenticator app');
  const picture = page.getByRole('img', { name: 'QR code for an authenticator app' });
  await picture.waitFor();
  expect(
    await picture.evaluate((node) => node instanceof HTMLImageElement && node.naturalWidth),
  ).toBeGreaterThan(100);
  expect(await picture.getAttribute('src')).toMatch(/^data:image\/png;base64,/);
  expect(await namelessIn(page)).toEqual([]);
  await page.setViewportSize({ width: 320, height: 640 });
  expect(await overflowOf(page)).toBe(0);
  await page.setViewportSize({ width: 1280, height: 720 });

  const secret = await setUpApp();
  await page.getByRole('button', { name: 'Remove the authenticator app' }).waitFor();
  await page.goto(stack.url);
  await logOutIn(page);
  await page.goto(`${stack.url}/auth/login`);
  await page.getByLabel('E-mail').fill(person.email);
  await page.getByLabel('Password').fill(person.password);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: "Confirm it's you" }).waitFor();
  const field = page.getByLabel('Code from the app');
  expect(await field.getAttribute('autocomplete')).toBe('one-time-code');
  expect(await field.getAttribute('inputmode')).toBe('numeric');
  expect(await namelessIn(page)).toEqual([]);
  await field.fill('000000');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
  await field.fill(totpCode(secret));
  await page.keyboard.press('Enter');
  await page.waitForURL(`${stack.url}/`);
  expect(await acrOf()).toBe('aal2');
});

it('a step-up without a second factor leads to the settings, and from there to where it was needed', async () => {
  const { page, stack } = stage;
  const person = await verifiedPerson(stack);
  await letIn(page, stack.url, person);
  await page.goto(`${stack.url}/auth/login?acr_values=aal2&return_to=/?from=login`);
  await page.getByRole('heading', { name: 'A second step is needed' }).waitFor();
  expect(await namelessIn(page)).toEqual([]);
  await page.setViewportSize({ width: 320, height: 640 });
  expect(await overflowOf(page)).toBe(0);
  await page.setViewportSize({ width: 1280, height: 720 });
  await page.getByRole('link', { name: 'Set up a second step' }).click();
  await page.getByRole('heading', { name: 'Account settings' }).waitFor();
  await setUpApp();
  await page.waitForURL(`${stack.url}/?from=login`);
  expect(await acrOf()).toBe('aal2');
});

it('backup codes are shown once, and one of them is a second step', async () => {
  const { page, stack } = stage;
  const person = await verifiedPerson(stack);
  await letIn(page, stack.url, person);
  await page.goto(`${stack.url}/ui/settings`);
  await (await openSection(page, 'Backup codes')).getByText('Set up an authenticator app').waitFor();
  expect(await page.getByRole('button', { name: 'Create new backup codes' }).count()).toBe(0);
  await setUpApp();
  await page.getByText('Your second step is set up').waitFor();
  await openSection(page, 'Backup codes');
  await page.getByRole('button', { name: 'Create new backup codes' }).click();
  const shown = page.getByRole('region', { name: 'Your backup codes' });
  const codes = await shown.locator('li code').allInnerTexts();
  expect(codes).toHaveLength(12);
  await shown.getByRole('button', { name: 'Copy' }).waitFor();
  // Nothing has to be looked for: they are in the window as the page opens.
  expect(
    await shown
      .locator('li')
      .last()
      .evaluate((node) => node.getBoundingClientRect().bottom),
  ).toBeLessThan(720);
  await shown.getByRole('button', { name: "I've saved them" }).click();
  await page.getByText('Your new backup codes work from now on').waitFor();
  await page.goto(stack.url);
  await logOutIn(page);
  await page.goto(`${stack.url}/auth/login`);
  await page.getByLabel('E-mail').fill(person.email);
  await page.getByLabel('Password').fill(person.password);
  await page.keyboard.press('Enter');
  const code = page.getByLabel('Code from the app');
  expect(await code.evaluate((node) => node === document.activeElement)).toBe(true);
  await page.getByText('Try another way').click();
  await page.getByLabel('Backup code').fill(codes[0] ?? '');
  await page.keyboard.press('Enter');
  await page.waitForURL(`${stack.url}/`);
  expect(await acrOf()).toBe('aal2');
});

it('a step-up with max_age asks for the password once more, and "Cancel" goes back', async () => {
  const { page, stack } = stage;
  const person = await verifiedPerson(stack);
  await letIn(page, stack.url, person);
  await page.goto(`${stack.url}/auth/login?max_age=0&return_to=/?from=login`);
  await page.getByRole('heading', { name: "Confirm it's you" }).waitFor();
  await page.getByRole('link', { name: 'Cancel' }).click();
  expect(await shows(page.getByRole('heading', { name: person.name }))).toBe(true);
  await page.goto(`${stack.url}/auth/login?max_age=0&return_to=/?from=login`);
  await page.getByLabel('Password').fill(person.password);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${stack.url}/?from=login`);
  expect(await acrOf()).toBe('aal1');
  await page.goto(stack.url);
  await logOutIn(page);
  await logInIn(page, stack.url, person);
  expect(await acrOf()).toBe('aal1');
});
