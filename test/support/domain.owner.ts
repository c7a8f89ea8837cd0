import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import type { Journey } from '../journeys/journey.js';
import { signUpIn } from './browser.person.js';
import type { DnsServer } from './dns.server.js';
import { newPerson } from './person.js';

/** Presses the button of this name. */
export const press = async (page: Page, name: string): Promise<void> =>
  page.getByRole('button', { name, exact: true }).click();

/**
 * An owner of a new organisation, Example Ltd., who proves its domain as docs/organisations.md tells.
 * @returns their browser, at the organisation.
 */
export async function ownerOfDomain(journey: Journey, dns: DnsServer, domain: string): Promise<Page> {
  const owner = { ...newPerson(), email: `olga@${domain}` };
  const page = await journey.browser();
  await signUpIn(page, journey.url, owner);
  const [, link = ''] =
    /href="([^"]+)"[^>]*>Verify the address/.exec(
      (await journey.mailbox.next(owner.email, /verify/i)).html,
    ) ?? [];
  await page.goto(link.replaceAll('&amp;', '&'));
  await press(page, 'Continue');
  await page.getByRole('heading', { name: 'E-mail address verified' }).waitFor();

  // The organisation and its domain (docs/organisations.md).
  await page.goto(`${journey.url}/orgs/new`);
  await page.getByLabel('Name', { exact: true }).fill('Example Ltd.');
  await press(page, 'Create organisation');
  await page
    .getByRole('navigation', { name: 'Organisation' })
    .getByRole('link', { name: 'Settings' })
    .click();
  await page.getByLabel('E-mail domain').fill(domain);
  await press(page, 'Save');
  const [name = '', value = ''] = await page
    .getByRole('article', { name: `Domain: ${domain}` })
    .locator('dd code')
    .allInnerTexts();
  dns.records.set(name, [value]);
  await press(page, 'Check the record');
  expect(await page.getByRole('status').innerText()).toBe('The domain has been confirmed.');
  return page;
}
