import {
  allowInsecureRequests,
  discovery,
  initiateDeviceAuthorization,
  pollDeviceAuthorizationGrant,
  None,
} from 'openid-client';
import type { BrowserContextOptions } from 'playwright-core';
import { expect, it } from 'vitest';
import { axeViolations } from '../../../../../../test/support/axe.js';
import { useStage } from '../../../../../../test/support/browser.stage.js';
import { fillLogin } from '../../../../../../test/support/browser.person.js';
import { OryAdmin } from '../../../../../../test/support/ory.admin.js';
import { newPerson } from '../../../../../../test/support/person.js';
import { registerApplication } from '../../../../../../test/support/registered.application.js';

/** Milliseconds for a journey, on a machine that is busy with other things. */
const limit = 120_000;

const stage = useStage();

it(
  'a television logs in by a certified library: its user opens the page by hand on a computer, logs in, compares the code, allows it',
  async () => {
    expect(await loggedInOnTelevision({ viewport: { width: 1280, height: 800 } })).toBe(true);
  },
  limit,
);

it(
  'the same on a phone, without JavaScript',
  async () => {
    const phone = { viewport: { width: 390, height: 844 }, javaScriptEnabled: false };
    expect(await loggedInOnTelevision(phone)).toBe(true);
  },
  limit,
);

/** Whether a television has the tokens of the user who has allowed it in such a browser. */
async function loggedInOnTelevision(context: BrowserContextOptions): Promise<boolean> {
  const person = newPerson();
  await new OryAdmin(stage.stack.env).createPerson(person, { isVerified: true });
  const client = await registerApplication(stage.stack, {
    name: 'Television',
    kind: 'native',
    redirectUris: [],
    scope: 'openid email',
    deviceLogin: true,
  });
  // All that the program knows: the issuer and its id.
  const configuration = await discovery(
    new URL(`${stage.stack.url}/ory/hydra`),
    client.id,
    undefined,
    None(),
    {
      execute: [allowInsecureRequests],
    },
  );
  const begun = await initiateDeviceAuthorization(configuration, { scope: 'openid email' });
  const polling = pollDeviceAuthorizationGrant(configuration, begun);

  const page = await stage.other(context);
  const isScripted = context.javaScriptEnabled !== false;
  const look = async (): Promise<void> => {
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    expect(isScripted ? await axeViolations(page) : []).toEqual([]);
  };
  await page.goto(begun.verification_uri);
  await fillLogin(page, person);
  await page.getByRole('heading', { name: 'Log in on a device' }).waitFor();
  await look();
  await page.getByLabel('Code').fill('bcdf ghjk');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('alert').filter({ hasText: 'No device has this code.' }).waitFor();
  await look();
  await page.getByLabel('Code').fill(begun.user_code.toLowerCase());
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: `Does your device show ${begun.user_code}?` }).waitFor();
  await look();
  await page.getByRole('button', { name: 'Allow' }).click();
  // The application is no part of the product: its user is asked for what it may learn.
  await page.getByRole('heading', { name: 'Television' }).waitFor();
  await page.getByRole('button', { name: 'Allow' }).click();
  await page.getByRole('heading', { name: 'You can go back to your device' }).waitFor();
  await look();
  const tokens = await polling;
  const claims = tokens.claims();
  return [claims?.aud].flat().includes(client.id) && claims?.['email'] === person.email;
}
