import { beforeAll, expect, it } from 'vitest';
import { descriptionOf, namelessIn, overflowOf, shows } from '../support/browser.js';
import { fillLogin, logInIn, openSection, signUpIn } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { Mailbox } from '../support/mailbox.js';
import { newPerson } from '../support/person.js';

const stage = useStage();
let mailbox: Mailbox;

beforeAll(() => {
  mailbox = new Mailbox(stage.stack);
});

async function saveProfile(fields: Readonly<Record<string, string>>): Promise<void> {
  const { page } = stage;
  await page.getByRole('link', { name: 'Settings' }).click();
  await page.getByRole('heading', { name: 'Account settings' }).waitFor();
  for (const [label, text] of Object.entries(fields)) {
    await page.getByLabel(label).fill(text);
  }
  await page.getByRole('button', { name: 'Save' }).click();
}

it('after a sign-up: a mail is on its way; "Send another" and the code from the mailbox: verified at once', async () => {
  const { page, stack } = stage;
  const person = newPerson();
  await signUpIn(page, stack.url, person);
  await mailbox.next(person.email, /verify/i);
  await page.getByRole('main').getByText('Not verified').waitFor();
  expect(await page.getByRole('main').innerText()).toContain('Open the link in the e-mail that we sent you.');
  await page.getByRole('link', { name: 'Send another' }).click();
  expect(await page.getByLabel('E-mail address').inputValue()).toBe(person.email);
  expect(await namelessIn(page)).toEqual([]);
  await page.getByRole('button', { name: 'Continue' }).click();
  const { code } = await mailbox.next(person.email, /verify/i);
  await page.getByLabel('Verification code').fill(code);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'E-mail address verified' }).waitFor();
  expect(await page.getByRole('main').innerText()).toContain('your e-mail address is verified');

  await page.goto(stack.url);
  expect(await shows(page.getByText('Verified', { exact: true }))).toBe(true);
  expect(await page.getByRole('link', { name: 'Send another' }).count()).toBe(0);
});

it('the link in the mail that comes after the registration verifies too, in any browser once it has logged in', async () => {
  const { page, stack } = stage;
  const person = newPerson();
  await signUpIn(page, stack.url, person);
  const { code, link = '' } = await mailbox.next(person.email, /verify/i);
  const elsewhere = await stage.other();
  await elsewhere.goto(link);
  await fillLogin(elsewhere, person);
  await elsewhere.getByLabel('Verification code').waitFor();
  expect(await elsewhere.getByLabel('Verification code').inputValue()).toBe(code);
  await elsewhere.getByRole('button', { name: 'Continue' }).click();
  await elsewhere.getByRole('heading', { name: 'E-mail address verified' }).waitFor();
  // The session of before the proof has ended (docs/adr/0023).
  await logInIn(page, stack.url, person);
  expect(await shows(page.getByText('Verified', { exact: true }))).toBe(true);
});

it('a changed name is on the account page at once', async () => {
  const { page, stack } = stage;
  const person = newPerson();
  await signUpIn(page, stack.url, person);
  await saveProfile({ Name: 'Grace Brewster Murray Hopper' });
  await page.getByText('Your profile has been saved').waitFor();
  expect(await page.getByLabel('Name').inputValue()).toBe('Grace Brewster Murray Hopper');
  await page.getByRole('link', { name: 'Back to your account' }).click();
  expect(await shows(page.getByRole('heading', { name: 'Grace Brewster Murray Hopper' }))).toBe(true);
  expect(await page.locator('.avatar').innerText()).toBe('GH');
});

it('a picture at an https address is shown without a referrer; one at http is not requested', async () => {
  const { page, stack, watch } = stage;
  const person = newPerson();
  const picture = 'https://pictures.example.test/ada.svg';
  stage.welcome.push('https://pictures.example.test');
  const referers: (string | undefined)[] = [];
  await page.context().route(picture, async (route) => {
    referers.push(route.request().headers()['referer']);
    const body = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"></svg>';
    await route.fulfill({ contentType: 'image/svg+xml', body });
  });
  await signUpIn(page, stack.url, person);
  await saveProfile({ 'Picture URL': picture });
  await page.getByText('Your profile has been saved').waitFor();
  await page.goto(stack.url);
  const image = page.locator('.avatar img');
  expect(await image.getAttribute('src')).toBe(picture);
  await expect
    .poll(() => image.evaluate((node) => node instanceof HTMLImageElement && node.naturalWidth))
    .toBe(64);
  expect(referers).toEqual([undefined]);

  await saveProfile({ 'Picture URL': `${stack.url}/assets/ada.svg` });
  await page.getByText('Your profile has been saved').waitFor();
  await page.goto(stack.url);
  const avatar = page.locator('.avatar');
  expect(await avatar.locator('img').count()).toBe(0);
  expect(watch.urls.filter((url) => url.endsWith('/assets/ada.svg'))).toEqual([]);

  // One that can't be loaded leaves the initials as they were.
  const seen = async (): Promise<Buffer> => {
    const { x = 0, y = 0, width = 0, height = 0 } = (await avatar.boundingBox()) ?? {};
    // Without the edge, which is smoothed.
    return page.screenshot({ clip: { x: x + 12, y: y + 12, width: width - 24, height: height - 24 } });
  };
  const initials = await seen();
  const missing = 'https://pictures.example.test/missing.png';
  await page.context().route(missing, (route) => route.fulfill({ status: 404 }));
  await saveProfile({ 'Picture URL': missing });
  await page.getByText('Your profile has been saved').waitFor();
  const asked = page.waitForResponse(missing);
  await page.goto(stack.url);
  await asked;
  await expect
    .poll(() => avatar.locator('img').evaluate((node) => 'complete' in node && node.complete))
    .toBe(true);
  expect((await seen()).equals(initials)).toBe(true);
});

it('errors in the settings are shown at their fields', async () => {
  const { page, stack } = stage;
  await signUpIn(page, stack.url, newPerson());
  await saveProfile({ 'Picture URL': 'ftp://example.org/ada.png' });
  const picture = page.getByLabel('Picture URL');
  expect(
    await picture.evaluate((node) => node instanceof HTMLInputElement && node.validity.patternMismatch),
  ).toBe(true);
  await picture.evaluate((node) => node.removeAttribute('pattern'));
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('[aria-invalid=true]').waitFor();
  expect(await descriptionOf(picture)).not.toBe('');
  await openSection(page, 'Password');
  await page.getByLabel('New password').fill('short');
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.getByText('at least 10 characters').waitFor();
  expect(await descriptionOf(page.getByLabel('New password'))).toContain('at least 10 characters');
  await page.setViewportSize({ width: 320, height: 640 });
  expect(await overflowOf(page)).toBe(0);
  expect(await namelessIn(page)).toEqual([]);
});
