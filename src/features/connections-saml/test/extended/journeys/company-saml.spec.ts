import { copyFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blockRunBy } from '../../../../../../test/support/document.blocks.js';
import { employ, introduce } from '../../../../../../test/support/saml.connection.js';
import { type SamlServer, startSamlServer } from '../../../../../../test/support/simplesamlphp.server.js';
import { shell } from '../../../../../../test/support/shell.js';
import { timeout, useJourney } from '../../../../../../test/journeys/journey.js';

const documented = (name: string): string =>
  blockRunBy(
    'docs/connections.md',
    'src/features/connections-saml/test/extended/journeys/company-saml.spec.ts',
    name,
  );

const env: Record<string, string> = { TOKEN_TTL: '5s' };
let server: SamlServer;
let folder: string;

// Before the start of the journey, which this is the surroundings of.
beforeAll(async () => {
  server = await startSamlServer();
  folder = await mkdtemp(join(tmpdir(), 'vestibule-etc-'));
  const inFolder = (text: string): string => text.replaceAll('/etc/vestibule', folder);
  const { PATH = '' } = process.env;
  expect(await shell(inFolder(documented('key')), folder, { PATH })).toMatchObject({ status: 0 });
  copyFileSync(server.metadataPath, join(folder, 'company-metadata.xml'));
  const connections = join(folder, 'connections.json');
  // For the end of a session, which the provider can't be asked about, to come within the journey.
  const settings = inFolder(documented('connections'));
  writeFileSync(connections, settings.replace('"kind": "saml",', '"kind": "saml", "session_ttl": "30s",'));
  env['CONNECTIONS_FILE'] = connections;
}, 60_000);

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const journey = useJourney({ env });

beforeAll(async () => {
  await introduce(server, journey.url, 'company');
  journey.expectOrigin(server.url);
});

it(
  'an operator connects the company’s SAML provider with the docs alone; its users log in there, are logged out by it, and are out for good when it removes them',
  async () => {
    // In the domain of the documented connection.
    const person = await employ(server, { email: 'ada.lovelace@example.com' });
    const page = await journey.browser();
    const sessionStatus = (): Promise<number> =>
      page.evaluate(async () => (await fetch('/auth/session')).status);
    const enterAddress = async (): Promise<void> => {
      await page.goto(`${journey.url}/auth/login`);
      await page.getByLabel('E-mail address').fill(person.email);
      await page.getByRole('button', { name: 'Continue' }).click();
    };
    const logInThere = async (): Promise<void> => {
      await page.waitForURL(`${server.url}/**`);
      await page.locator('input[name=username]').fill(person.email);
      await page.locator('input[name=password]').fill(person.password);
      await page.locator('input[name=password]').press('Enter');
    };

    // The address leads to the company, where the user logs in.
    await enterAddress();
    await logInThere();
    await page.waitForURL(`${journey.url}/`);
    await page.getByText(person.email).first().waitFor();
    expect(await sessionStatus()).toBe(200);

    // The company remembers the user; the next login here asks it, and it answers by itself.
    await page.getByRole('navigation', { name: 'Site' }).getByRole('button', { name: 'Log out' }).click();
    await expect.poll(sessionStatus, { timeout }).toBe(401);
    await enterAddress();
    await page.waitForURL(`${journey.url}/`);
    await page.getByText(person.email).first().waitFor();

    // A logout at the company ends the session here.
    await page.goto(server.logoutUrl);
    await page.waitForURL(`${server.url}/**`);
    await page.goto(journey.url);
    expect(await sessionStatus()).toBe(401);

    // Who was removed there is out when the session ends here, and can't come back.
    await enterAddress();
    await logInThere();
    await page.waitForURL(`${journey.url}/`);
    expect(await sessionStatus()).toBe(200);
    await server.remove(person.email);
    await expect.poll(sessionStatus, { timeout: 60_000, interval: 1000 }).toBe(401);
    const elsewhere = await journey.browser();
    await elsewhere.goto(`${journey.url}/auth/login`);
    await elsewhere.getByLabel('E-mail address').fill(person.email);
    await elsewhere.getByRole('button', { name: 'Continue' }).click();
    await elsewhere.waitForURL(`${server.url}/**`);
    await elsewhere.locator('input[name=username]').fill(person.email);
    await elsewhere.locator('input[name=password]').fill(person.password);
    const answer = elsewhere.waitForResponse((response) => response.request().method() === 'POST');
    await elsewhere.locator('input[name=password]').press('Enter');
    expect(new URL((await answer).url()).origin).toBe(server.url);

    // The administrator's own password is no matter of the company.
    const own = await journey.browser();
    await own.goto(`${journey.url}/auth/login`);
    const { email, password } = journey.administrator;
    await own.getByLabel('E-mail address').fill(email);
    await own.getByRole('button', { name: 'Continue' }).click();
    await own.getByLabel('Password', { exact: true }).fill(password);
    await own.getByRole('button', { name: 'Log in', exact: true }).click();
    await own.waitForURL(`${journey.url}/`);
  },
  8 * timeout,
);
