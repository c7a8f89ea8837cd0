import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DnsServer } from '../../../../../../test/support/dns.server.js';
import { ownerOfDomain, press } from '../../../../../../test/support/domain.owner.js';
import { employ, introduce } from '../../../../../../test/support/saml.connection.js';
import { type SamlServer, startSamlServer } from '../../../../../../test/support/simplesamlphp.server.js';
import { timeout, useJourney } from '../../../../../../test/journeys/journey.js';

const dns = await DnsServer.start();
const domain = 'company.example';
let server: SamlServer | undefined;

afterAll(async () => {
  await server?.stop();
  await dns.stop();
});

const journey = useJourney({ env: { TOKEN_TTL: '5s', DNS_SERVERS: dns.address } });

beforeAll(async () => {
  server = await startSamlServer();
  journey.expectOrigin(server.url);
}, 60_000);

it(
  'an owner connects the company’s SAML provider by its metadata; a colleague logs in by address with the role of their group, and is out when it is removed',
  async () => {
    if (server === undefined) {
      throw new Error('the provider has not been started');
    }
    const page = await ownerOfDomain(journey, dns, domain);
    const toLogins = page
      .getByRole('navigation', { name: 'Organisation' })
      .getByRole('link', { name: 'Company login' });
    await toLogins.click();
    await page.getByRole('link', { name: 'Connect a SAML provider' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Example Ltd.');
    const metadata = page.getByLabel('Metadata of the provider (XML)');
    await metadata.fill('<html><p>a login page</html>');
    await page.getByLabel(`Log in users of ${domain} by it`).check();
    await page.getByLabel('Addresses in your domain are verified').check();
    await page.getByLabel('Roles by group').fill('it = admin');
    await press(page, 'Connect');
    // A page that was saved in place of the metadata is named as what is wrong.
    await page.getByText('is not metadata in XML').first().waitFor();
    await metadata.fill(readFileSync(server.metadataPath, 'utf8'));
    await press(page, 'Connect');
    expect(await page.getByRole('status').innerText()).toBe('The connection has been saved.');
    await press(page, 'Test this connection');
    await page.getByText('All steps succeeded.').waitFor();

    // The company's administrator reads the gateway's metadata, whose URL the page shows.
    const metadataUrl = await page.locator('dd code').first().innerText();
    const id = /\/auth\/connections\/([\da-f-]{36})\/metadata$/.exec(metadataUrl)?.[1] ?? '';
    await introduce(server, journey.url, id, {});

    const colleague = await employ(server, { email: `ada@${domain}`, groups: ['it', 'everyone'] });
    const other = await journey.browser();
    const statusOf = (): Promise<number> => other.evaluate(async () => (await fetch('/auth/session')).status);
    await other.goto(`${journey.url}/auth/login`);
    await other.getByRole('link', { name: 'Log in with your company' }).click();
    await other.getByLabel('E-mail address').fill(colleague.email);
    await press(other, 'Continue');
    await other.waitForURL(`${server.url}/**`);
    await other.locator('input[name=username]').fill(colleague.email);
    await other.locator('input[name=password]').fill(colleague.password);
    await other.locator('input[name=password]').press('Enter');
    await other.waitForURL(`${journey.url}/`);
    expect(await statusOf()).toBe(200);
    await page.goto(page.url().replace(/\/connections\/.*/, ''));
    const listed = page.getByRole('listitem').filter({ hasText: colleague.email });
    await listed.getByText('Admin').first().waitFor();

    await toLogins.click();
    await page.getByRole('link', { name: 'Example Ltd.' }).click();
    await page.getByRole('link', { name: 'Remove this connection' }).click();
    await press(page, 'Remove connection');
    expect(await page.getByRole('status').innerText()).toBe('The connection has been removed.');
    await expect.poll(statusOf, { timeout }).toBe(401);
  },
  6 * timeout,
);
