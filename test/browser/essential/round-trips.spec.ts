import { expect, it } from 'vitest';
import { tripsOf } from '../../support/browser.js';
import { verifiedPerson } from '../../support/browser.api.js';
import { fillLogin, fillSignUp, letIn, openSection } from '../../support/browser.person.js';
import { useStage } from '../../support/browser.stage.js';
import { newPerson } from '../../support/person.js';
import { totpCode } from '../../support/totp.code.js';
import { VirtualKey } from '../../support/virtual.key.js';

const stage = useStage();

it('a login with a password takes four round trips, and its last answer is the page that was wanted', async () => {
  const { page, stack } = stage;
  const person = await verifiedPerson(stack);
  const trips = tripsOf(page);
  await page.goto(`${stack.url}/auth/login?return_to=/demo?x=1`);
  await fillLogin(page, person);
  await page.waitForURL(`${stack.url}/demo?x=1`);
  expect(trips).toEqual([
    'GET /auth/login',
    'GET /ui/login',
    'POST /ory/kratos/self-service/login',
    'GET /demo',
  ]);
  // Anyone who is logged in at Kratos is let in without a page.
  await page.context().clearCookies({ name: 'vestibule' });
  trips.length = 0;
  await page.goto(`${stack.url}/auth/login`);
  await page.waitForURL(`${stack.url}/`);
  expect(trips).toEqual(['GET /auth/login', 'GET /']);
});

it('a sign-up takes four', async () => {
  const { page, stack } = stage;
  const trips = tripsOf(page);
  await page.goto(`${stack.url}/auth/signup`);
  await fillSignUp(page, newPerson());
  await page.waitForURL(`${stack.url}/`);
  expect(trips).toEqual([
    'GET /auth/signup',
    'GET /ui/registration',
    'POST /ory/kratos/self-service/registration',
    'GET /',
  ]);
});

it('a login with a second factor takes six', async () => {
  const { page, stack } = stage;
  const person = await verifiedPerson(stack);
  await letIn(page, stack.url, person);
  await page.goto(`${stack.url}/ui/settings`);
  const app = await openSection(page, 'Authenticator app');
  const secret = await app.locator('.secret code').innerText();
  await app.getByLabel('Code from the app').fill(totpCode(secret));
  await app.getByRole('button', { name: 'Set up the app' }).click();
  await page.getByRole('button', { name: 'Remove the authenticator app' }).waitFor();
  await page.context().clearCookies();
  const trips = tripsOf(page);
  await page.goto(`${stack.url}/auth/login`);
  await fillLogin(page, person);
  await page.getByLabel('Code from the app').fill(totpCode(secret));
  await page.keyboard.press('Enter');
  await page.waitForURL(`${stack.url}/`);
  expect(trips).toEqual([
    'GET /auth/login',
    'GET /ui/login',
    'POST /ory/kratos/self-service/login',
    'GET /ui/login',
    'POST /ory/kratos/self-service/login',
    'GET /',
  ]);
});

it('a login with a passkey takes four', async () => {
  const { page, stack } = stage;
  const person = await verifiedPerson(stack);
  const key = await VirtualKey.plugInto(page, 'platform');
  await letIn(page, stack.url, person);
  await page.goto(`${stack.url}/ui/settings`);
  const section = await openSection(page, 'Passkeys');
  await section.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByText('The passkey has been added').waitFor();
  await page.context().clearCookies();
  await key.touch(false);
  const trips = tripsOf(page);
  await page.goto(`${stack.url}/auth/login`);
  const button = page.getByRole('button', { name: 'Log in with a passkey' });
  await button.waitFor();
  await key.touch(true);
  await button.click();
  await page.waitForURL(`${stack.url}/`);
  expect(trips).toEqual(['GET /auth/login', 'GET /ui/login', 'POST /ory/kratos/self-service/login', 'GET /']);
});
