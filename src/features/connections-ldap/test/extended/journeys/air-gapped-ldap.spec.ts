import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blockRunBy } from '../../../../../../test/support/document.blocks.js';
import { type SlapdServer, directoryNames, startSlapd } from '../../../../../../test/support/slapd.server.js';
import { addPerson } from '../../../../../../test/support/source.driver.js';
import { timeout, useJourney } from '../../../../../../test/journeys/journey.js';

const documented = blockRunBy(
  'docs/connections.md',
  'src/features/connections-ldap/test/extended/journeys/air-gapped-ldap.spec.ts',
  'connections',
);
const team = `cn=team,${directoryNames.groups}`;
const products = `cn=products,${directoryNames.groups}`;

const env: Record<string, string> = { AIR_GAPPED: 'true', TOKEN_TTL: '5s' };
let slapd: SlapdServer;
let folder: string;
let person: Awaited<ReturnType<typeof addPerson>>;

// Before the start of the journey, which this is the surroundings of.
beforeAll(async () => {
  slapd = await startSlapd();
  person = await addPerson(slapd);
  await slapd.add(team, { objectClass: 'groupOfNames', cn: 'team', member: person.dn });
  await slapd.add(products, { objectClass: 'groupOfNames', cn: 'products', member: team });
  folder = await mkdtemp(join(tmpdir(), 'vestibule-etc-'));
  const [connections, password] = [join(folder, 'connections.json'), join(folder, 'directory-password')];
  writeFileSync(password, `${directoryNames.readerPassword}\n`, { mode: 0o600 });
  // The first server of the page isn't there, and the second one takes its place.
  const settings = documented
    .replace('ldaps://dc1.example.org', 'ldaps://localhost:1')
    .replace('ldap://dc2.example.org', slapd.plainUrl)
    .replace('/etc/vestibule/directory-ca.pem', slapd.authorityPath)
    .replace('/etc/vestibule/directory-password', password);
  writeFileSync(connections, settings);
  env['CONNECTIONS_FILE'] = connections;
});

afterAll(async () => {
  await slapd?.stop();
  await rm(folder, { recursive: true, force: true });
});

const journey = useJourney({ env });

it(
  'an operator of an air-gapped site configures a directory with the docs alone; who is disabled there is out after renewal',
  async () => {
    const page = await journey.browser();
    await page.goto(journey.url);
    await page.getByRole('main').getByRole('link', { name: 'Log in' }).click();

    // The address leads to the directory.
    await page.getByLabel('E-mail address').fill(person.email);
    await page.getByRole('button', { name: 'Continue' }).click();
    await expect
      .poll(() => page.getByRole('heading', { level: 1 }).innerText())
      .toBe('Log in with Example Ltd.');

    // A wrong password is told, and the name is still there.
    await page.getByLabel('Password', { exact: true }).fill('wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('The user name or the password is wrong.').waitFor();
    expect(await page.getByLabel('User name or e-mail address').inputValue()).toBe(person.email);

    // The name in the directory is as good as the address.
    await page.getByLabel('User name or e-mail address').fill(person.uid);
    await page.getByLabel('Password', { exact: true }).fill(person.password);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.waitForURL(`${journey.url}/`);
    await page.getByText(person.email).first().waitFor();
    expect(await sessionStatus()).toBe(200);

    // Whom the directory disables is out after the next renewal, and is told why at the next login.
    await slapd.set(person.dn, { pwdAccountLockedTime: '000001010000Z' });
    await expect.poll(sessionStatus, { timeout }).toBe(401);
    await page.goto(`${journey.url}/auth/login`);
    await page.getByLabel('E-mail address').fill(person.email);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByLabel('Password', { exact: true }).fill(person.password);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('Your account at Example Ltd. is disabled.').waitFor();

    // The administrator's own password is no matter of the directory.
    const own = await journey.browser();
    await own.goto(`${journey.url}/auth/login`);
    const { email, password } = journey.administrator;
    await own.getByLabel('E-mail address').fill(email);
    await own.getByRole('button', { name: 'Continue' }).click();
    await own.getByLabel('Password', { exact: true }).fill(password);
    await own.getByRole('button', { name: 'Log in', exact: true }).click();
    await own.waitForURL(`${journey.url}/`);
    expect(journey.terminal()).not.toContain(person.password);

    async function sessionStatus(): Promise<number> {
      return page.evaluate(async () => (await fetch('/auth/session')).status);
    }
  },
  5 * timeout,
);
