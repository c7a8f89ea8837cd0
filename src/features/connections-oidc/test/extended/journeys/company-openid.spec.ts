import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blockRunBy } from '../../../../../../test/support/document.blocks.js';
import {
  type CompanyPorts,
  type CompanyServer,
  companyPorts,
  companySecret,
  type Employee,
  startCompany,
} from '../../../../../../test/support/openid.connection.js';
import { timeout, useJourney } from '../../../../../../test/journeys/journey.js';

const documented = blockRunBy(
  'docs/connections.md',
  'src/features/connections-oidc/test/extended/journeys/company-openid.spec.ts',
  'connections',
);

const env: Record<string, string> = { TOKEN_TTL: '5s' };
let ports: CompanyPorts;
let company: CompanyServer | undefined;
let person: Employee;
let folder: string;

// Before the start of the journey, which this is the surroundings of.
beforeAll(async () => {
  ports = await companyPorts();
  folder = await mkdtemp(join(tmpdir(), 'vestibule-etc-'));
  const [connections, secret] = [join(folder, 'connections.json'), join(folder, 'company-secret')];
  writeFileSync(secret, `${companySecret}\n`, { mode: 0o600 });
  const settings = documented
    .replace('https://login.example.org', ports.issuer)
    .replace('/etc/vestibule/company-secret', secret);
  writeFileSync(connections, settings);
  env['CONNECTIONS_FILE'] = connections;
});

afterAll(async () => {
  await company?.stop();
  await rm(folder, { recursive: true, force: true });
});

const journey = useJourney({ env });

beforeAll(async () => {
  company = await startCompany(journey.url, ports, { ids: ['company'] });
  // In the domain of the documented connection.
  person = company.employ({ email: 'ada.lovelace@example.com' });
  journey.expectOrigin(ports.issuer);
});

it(
  'an operator connects the company’s provider with the docs alone; its users log in there, and are out when it disables them',
  async () => {
    const page = await journey.browser();
    const sessionStatus = (): Promise<number> =>
      page.evaluate(async () => (await fetch('/auth/session')).status);

    // The address leads to the company, where the user logs in.
    await page.goto(journey.url);
    await page.getByRole('main').getByRole('link', { name: 'Log in' }).click();
    await page.getByLabel('E-mail address').fill(person.email);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForURL(`${ports.issuer}/**`);
    await page.getByLabel('E-mail').fill(person.email);
    await page.getByLabel('Password').fill(person.password);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.waitForURL(`${journey.url}/`);
    await page.getByText(person.email).first().waitFor();
    expect(await sessionStatus()).toBe(200);

    // The company remembers the user; the next login here asks it, and it answers by itself.
    await page.getByRole('navigation', { name: 'Site' }).getByRole('button', { name: 'Log out' }).click();
    await expect.poll(sessionStatus, { timeout }).toBe(401);
    await page.goto(`${journey.url}/auth/login`);
    await page.getByLabel('E-mail address').fill(person.email);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForURL(`${journey.url}/`);
    await page.getByText(person.email).first().waitFor();

    // Renewals ask the company. Whom it disables is out after the next one, and can't come back.
    company?.provider.remove(person.sub);
    await expect.poll(sessionStatus, { timeout }).toBe(401);
    const elsewhere = await journey.browser();
    await elsewhere.goto(`${journey.url}/auth/login`);
    await elsewhere.getByLabel('E-mail address').fill(person.email);
    await elsewhere.getByRole('button', { name: 'Continue' }).click();
    await elsewhere.waitForURL(`${ports.issuer}/**`);
    await elsewhere.getByLabel('E-mail').fill(person.email);
    await elsewhere.getByLabel('Password').fill(person.password);
    const answer = elsewhere.waitForResponse((response) => response.request().method() === 'POST');
    await elsewhere.getByRole('button', { name: 'Log in' }).click();
    expect(new URL((await answer).url()).origin).toBe(ports.issuer);

    // The administrator's own password is no matter of the company.
    const own = await journey.browser();
    await own.goto(`${journey.url}/auth/login`);
    const { email, password } = journey.administrator;
    await own.getByLabel('E-mail address').fill(email);
    await own.getByRole('button', { name: 'Continue' }).click();
    await own.getByLabel('Password', { exact: true }).fill(password);
    await own.getByRole('button', { name: 'Log in', exact: true }).click();
    await own.waitForURL(`${journey.url}/`);
    expect(journey.terminal()).not.toContain(companySecret);
  },
  5 * timeout,
);
