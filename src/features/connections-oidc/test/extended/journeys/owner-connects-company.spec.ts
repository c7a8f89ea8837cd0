import { afterAll, beforeAll, expect, it } from 'vitest';
import { DnsServer } from '../../../../../../test/support/dns.server.js';
import { ownerOfDomain, press } from '../../../../../../test/support/domain.owner.js';
import {
  type CompanyPorts,
  type CompanyServer,
  companyPorts,
  companySecret,
  startCompany,
} from '../../../../../../test/support/openid.connection.js';
import { timeout, useJourney } from '../../../../../../test/journeys/journey.js';

const dns = await DnsServer.start();
const domain = 'company.example';
const env: Record<string, string> = { TOKEN_TTL: '5s', DNS_SERVERS: dns.address };
let ports: CompanyPorts;
let company: CompanyServer | undefined;

// Before the start of the journey, which this is the surroundings of. The company's provider is on this machine.
beforeAll(async () => {
  ports = await companyPorts();
  env['ORG_CONNECTION_HOSTS'] = new URL(ports.issuer).host;
});

afterAll(async () => {
  await company?.stop();
  await dns.stop();
});

const journey = useJourney({ env });

it(
  'an owner proves a domain, connects the company’s provider and tests it; a colleague logs in by address with the role of their group, and is out when it is removed',
  async () => {
    journey.expectOrigin(ports.issuer);
    const page = await ownerOfDomain(journey, dns, domain);

    // The connection, by docs/connections.md. Its page has the URL that the company registers.
    await page
      .getByRole('navigation', { name: 'Organisation' })
      .getByRole('link', { name: 'Company login' })
      .click();
    await page.getByRole('link', { name: 'Connect an OpenID provider' }).click();
    await page.getByLabel('Name', { exact: true }).fill('Example Ltd.');
    await page.getByLabel('Issuer').fill(ports.issuer);
    await page.getByLabel('Client ID').fill('vestibule');
    await page.getByLabel('Client secret').fill('a wrong secret');
    await page.getByLabel(`Log in users of ${domain} by it`).check();
    await page.getByLabel('Roles by group').fill('it = admin');
    await page.getByLabel('Request offline access').check();
    await press(page, 'Connect');
    expect(await page.getByRole('status').innerText()).toBe('The connection has been saved.');
    const redirectUri = await page.locator('dd code').first().innerText();
    const id = /\/auth\/connections\/([\da-f-]{36})\/callback$/.exec(redirectUri)?.[1] ?? '';

    // Nothing answers there yet. Then the company has its provider up, but the secret is another.
    await press(page, 'Test this connection');
    await page.getByText('It could not be reached').waitFor();
    company = await startCompany(journey.url, ports, { ids: [id] });
    await press(page, 'Test this connection');
    await page.getByText('The provider does not accept the client ID with this secret').waitFor();

    // A colleague who is too early is refused, and the owner sees why.
    const early = await journey.browser();
    const hasty = company.employ({ email: `early@${domain}` });
    await early.goto(`${journey.url}/auth/login`);
    await early.getByRole('link', { name: 'Log in with your company' }).click();
    await early.getByLabel('E-mail address').fill(hasty.email);
    await press(early, 'Continue');
    await early.waitForURL(`${ports.issuer}/**`);
    await early.getByLabel('E-mail').fill(hasty.email);
    await early.getByLabel('Password').fill(hasty.password);
    await press(early, 'Log in');
    await early.getByText('is not set up as it should be').waitFor();
    await press(page, 'Test this connection');
    await page.getByText(/The latest login that was refused: .+\d{4}.*, provider_invalid_client\./).waitFor();
    await page.getByLabel('Client secret').fill(companySecret);
    await press(page, 'Save');
    await press(page, 'Test this connection');
    await page.getByText('All steps succeeded.').waitFor();

    // A colleague: the address leads to the company, and the group to a role.
    const colleague = company.employ({ email: `ada@${domain}`, extra: { groups: ['it', 'everyone'] } });
    const other = await journey.browser();
    const statusOf = (): Promise<number> => other.evaluate(async () => (await fetch('/auth/session')).status);
    await other.goto(`${journey.url}/auth/login`);
    await other.getByRole('link', { name: 'Log in with your company' }).click();
    await other.getByLabel('E-mail address').fill(colleague.email);
    await press(other, 'Continue');
    await other.waitForURL(`${ports.issuer}/**`);
    await other.getByLabel('E-mail').fill(colleague.email);
    await other.getByLabel('Password').fill(colleague.password);
    await press(other, 'Log in');
    await other.waitForURL(`${journey.url}/`);
    expect(await statusOf()).toBe(200);
    await page.goto(page.url().replace(/\/connections\/.*/, ''));
    const listed = page.getByRole('listitem').filter({ hasText: colleague.email });
    await listed.getByText('Admin').first().waitFor();

    // Without the connection, the colleague's session ends.
    await page
      .getByRole('navigation', { name: 'Organisation' })
      .getByRole('link', { name: 'Company login' })
      .click();
    await page.getByRole('link', { name: 'Example Ltd.' }).click();
    await page.getByRole('link', { name: 'Remove this connection' }).click();
    await press(page, 'Remove connection');
    expect(await page.getByRole('status').innerText()).toBe('The connection has been removed.');
    await expect.poll(statusOf, { timeout }).toBe(401);
    expect(journey.terminal()).not.toContain(companySecret);
  },
  6 * timeout,
);
