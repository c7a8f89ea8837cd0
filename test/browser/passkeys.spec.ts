import type { Abstract } from '@nestjs/common';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { SecondFactorReset } from '../../src/features/user-administration/second-factor-reset.service.js';
import { UserDirectory } from '../../src/directory/users/user-directory.js';
import { namelessIn, overflowOf, shows } from '../support/browser.js';
import { verifiedPerson } from '../support/browser.api.js';
import { fillLogin, letIn, logOutIn, openSection } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { Mailbox } from '../support/mailbox.js';
import { newPerson } from '../support/person.js';
import { VirtualKey } from '../support/virtual.key.js';

const stage = useStage();

async function openSettings(): Promise<Page> {
  const { page, stack } = stage;
  await page.goto(`${stack.url}/ui/settings`);
  await page.getByRole('heading', { name: 'Account settings' }).waitFor();
  return page;
}

async function claims(): Promise<{ readonly acr: unknown; readonly amr: unknown }> {
  const answer: unknown = await stage.page.evaluate("fetch('/auth/session').then((answer) => answer.json())");
  const all = Object(Reflect.get(Object(answer), 'claims'));
  return { acr: all.acr, amr: all.amr };
}

it('a passkey: added in the settings, logs in without a password, and is removed', async () => {
  const { page, stack } = stage;
  const person = await verifiedPerson(stack);
  const mailbox = new Mailbox(stack);
  const key = await VirtualKey.plugInto(page, 'platform');
  await letIn(page, stack.url, person);

  await openSettings();
  let section = await openSection(page, 'Passkeys');
  expect(await section.innerText()).toContain('asked for it all the same');
  expect(await namelessIn(page)).toEqual([]);
  await section.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByText('The passkey has been added').waitFor();
  await section.getByRole('button', { name: /Remove the passkey added \d+ \w+ \d{4}/ }).waitFor();
  expect(await key.credentials()).toMatchObject([{ isResidentCredential: true }]);
  await mailbox.next(person.email, /^A passkey was added to your account$/);
  await page.setViewportSize({ width: 320, height: 640 });
  expect(await overflowOf(page)).toBe(0);
  await page.setViewportSize({ width: 1280, height: 720 });

  await page.goto(stack.url);
  await logOutIn(page);
  await key.touch(false);
  await page.goto(`${stack.url}/auth/login`);
  const button = page.getByRole('button', { name: 'Log in with a passkey' });
  await button.waitFor();
  expect(await namelessIn(page)).toEqual([]);
  await key.touch(true);
  await button.click();
  await page.waitForURL(`${stack.url}/`);
  expect(await shows(page.getByRole('heading', { name: person.name }))).toBe(true);

  await openSettings();
  section = await openSection(page, 'Passkeys');
  await section.getByRole('button', { name: /Remove the passkey/ }).click();
  await page.getByText('The passkey has been removed').waitFor();
  expect(await section.getByRole('button', { name: /Remove the passkey/ }).count()).toBe(0);
  await mailbox.next(person.email, /^A passkey was removed from your account$/);
  expect(stage.watch.errors).toEqual([]);
});

it('a new account with a passkey and no password', async () => {
  const { page, stack } = stage;
  const person = newPerson();
  const key = await VirtualKey.plugInto(page, 'platform');
  await page.goto(`${stack.url}/auth/signup`);
  const button = page.getByRole('button', { name: 'Sign up with a passkey' });
  // What was typed comes first: a key for nobody would stay on the device.
  await button.click();
  expect(await page.locator('input:invalid').first().getAttribute('name')).toBe('traits.email');
  expect(await key.credentials()).toEqual([]);
  await page.getByLabel('E-mail').fill(person.email);
  await page.getByLabel('Name').fill(person.name);
  await button.click();
  await page.waitForURL(`${stack.url}/`);
  expect(await shows(page.getByRole('heading', { name: person.name }))).toBe(true);
  expect(await key.credentials()).toHaveLength(1);

  // The only way in can't be removed.
  await openSettings();
  const section = await openSection(page, 'Passkeys');
  expect(await section.getByRole('button', { name: /Remove the passkey/ }).isDisabled()).toBe(true);
});

it('a security key as the second step, with a name: aal2, and removed again', async () => {
  const { page, stack } = stage;
  const person = await verifiedPerson(stack);
  await VirtualKey.plugInto(page, 'usb');
  await letIn(page, stack.url, person);
  await openSettings();
  const section = await openSection(page, 'Security keys');
  const add = section.getByRole('button', { name: 'Add a security key' });
  await add.click();
  expect(await section.locator('input:invalid:focus').count()).toBe(1);
  await section.getByLabel('Name of this key').fill('Blue "key" <1>');
  await page.keyboard.press('Enter');
  await page.getByText('The security key has been added').waitFor();
  const remove = section.getByRole('button', { name: /^Remove the security key “Blue "key" <1>”, added / });
  await remove.waitFor();
  // Enter in the name of the next one removes nothing.
  await section.getByLabel('Name of this key').press('Enter');
  expect(await remove.count()).toBe(1);

  await page.goto(stack.url);
  await logOutIn(page);
  await page.goto(`${stack.url}/auth/login`);
  await fillLogin(page, person);
  await page.getByRole('heading', { name: "Confirm it's you" }).waitFor();
  const use = page.getByRole('button', { name: 'Use a security key' });
  await use.waitFor();
  expect(await namelessIn(page)).toEqual([]);
  await use.click();
  await page.waitForURL(`${stack.url}/`);
  expect(await claims()).toMatchObject({ acr: 'aal2' });

  await openSettings();
  await openSection(page, 'Security keys');
  await remove.click();
  await page.getByText('The security key has been removed').waitFor();
  expect(await remove.count()).toBe(0);
});

it('a reset of the second step removes security keys, and keeps passkeys', async () => {
  const { page, stack } = stage;
  const person = await verifiedPerson(stack);
  const usb = await VirtualKey.plugInto(page, 'usb');
  await letIn(page, stack.url, person);
  await openSettings();
  const section = await openSection(page, 'Security keys');
  await section.getByLabel('Name of this key').fill('Key');
  await page.keyboard.press('Enter');
  await page.getByText('The security key has been added').waitFor();
  await usb.unplug();
  const phone = await VirtualKey.plugInto(page, 'platform');
  await (await openSection(page, 'Passkeys')).getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByText('The passkey has been added').waitFor();

  const get = <T>(part: Abstract<T>): T => stack.app().get(part, { strict: false });
  const user = await get(UserDirectory).findByEmail(person.email);
  await get(SecondFactorReset).reset(user?.id ?? '', {
    source: 'operator',
    author: { id: null, isAdministrator: true },
    credential: 'bearer',
    client: { userAgent: null, remoteAddress: '127.0.0.1', requestId: 'reset' },
  });

  // The login page offers the passkey by itself.
  await phone.touch(false);
  await page.goto(`${stack.url}/auth/login`);
  await fillLogin(page, person);
  await page.waitForURL(`${stack.url}/`);
  expect(await claims()).toMatchObject({ acr: 'aal1' });
  await openSettings();
  const keys = await openSection(page, 'Security keys');
  expect(await keys.getByRole('button', { name: /^Remove the security key/ }).count()).toBe(0);
  const passkeys = await openSection(page, 'Passkeys');
  expect(await passkeys.getByRole('button', { name: /^Remove the passkey/ }).count()).toBe(1);
});

it("a key that doesn't work is reported on the page, and the other methods stay", async () => {
  stage.mishaps.push(/NotAllowedError/);
  const { page, stack } = stage;
  const dialogs: string[] = [];
  page.on('dialog', (dialog) => dialogs.push(dialog.message()));
  await VirtualKey.plugInto(page, 'platform');
  await page.goto(`${stack.url}/auth/login`);
  const alert = page.getByRole('alert');
  expect(await alert.count()).toBe(0);
  // It has no passkey for this site.
  await page.getByRole('button', { name: 'Log in with a passkey' }).click();
  expect(await alert.innerText()).toContain("wasn't used");
  const person = await verifiedPerson(stack);
  await page.goto(`${stack.url}/auth/login`);
  await fillLogin(page, person);
  await page.waitForURL(`${stack.url}/`);
  expect(dialogs).toEqual([]);
});

it('Enter still submits the password', async () => {
  const { page, stack } = stage;
  const person = await verifiedPerson(stack);
  const key = await VirtualKey.plugInto(page, 'platform');
  await page.goto(`${stack.url}/auth/login`);
  await page.getByRole('button', { name: 'Log in with a passkey' }).waitFor();
  await fillLogin(page, person);
  await page.waitForURL(`${stack.url}/`);
  expect(await key.credentials()).toEqual([]);
});

it('a passkey login under the name of another account leaves the count of guesses at that one', async () => {
  const { page, stack } = stage;
  const [owner, victim] = [await verifiedPerson(stack), await verifiedPerson(stack)];
  await stack.restartGateway({ RATE_LIMIT: 'true', RATE_LIMIT_POLICIES: 'login-pair=3/1h' });
  const key = await VirtualKey.plugInto(page, 'platform');
  await letIn(page, stack.url, owner);
  await openSettings();
  const section = await openSection(page, 'Passkeys');
  await section.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByText('The passkey has been added').waitFor();
  await page.goto(stack.url);
  await logOutIn(page);
  await key.touch(false);

  const posted = () =>
    page.waitForRequest((sent) => sent.method() === 'POST' && sent.url().includes('/self-service/login'));
  const guess = async (): Promise<number | undefined> => {
    await page.goto(`${stack.url}/auth/login`);
    const [sent] = await Promise.all([
      posted(),
      page.waitForEvent('load'),
      fillLogin(page, { email: victim.email, password: 'not the password' }),
    ]);
    return (await sent.response())?.status();
  };
  expect([await guess(), await guess()]).toEqual([303, 303]);

  await page.goto(`${stack.url}/auth/login`);
  await page.getByLabel('E-mail').fill(victim.email);
  await key.touch(true);
  const [sent] = await Promise.all([
    posted(),
    page.getByRole('button', { name: 'Log in with a passkey' }).click(),
  ]);
  expect(new URLSearchParams(sent.postData() ?? '').get('identifier')).toBe(victim.email);
  await page.waitForURL(`${stack.url}/`);
  expect(await shows(page.getByRole('heading', { name: owner.name }))).toBe(true);
  await logOutIn(page);
  await key.touch(false);
  expect([await guess(), await guess()]).toEqual([303, 429]);
});
