import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { Database } from '../../../../../platform/database/database.schema.js';
import { verifiedPerson } from '../../../../../../test/support/browser.api.js';
import { follow, namelessIn, overflowOf } from '../../../../../../test/support/browser.js';
import { createOrganisationIn, letIn } from '../../../../../../test/support/browser.person.js';
import { useStage } from '../../../../../../test/support/browser.stage.js';
import { makeKeyPair } from '../../../../../../test/support/simplesamlphp.server.js';

const stage = useStage({
  context: { javaScriptEnabled: false },
  stack: { env: { ORG_CONNECTION_KINDS: 'oidc,ldap,saml' } },
});

const press = async (page: Page, name: string): Promise<void> =>
  follow(page.getByRole('button', { name, exact: true }));

/** Makes a domain count as confirmed by the organisation whose page is open. @returns the address of that page. */
async function confirmDomain(page: Page, domain: string): Promise<string> {
  const org = page.url().replace(/\?.*/, '');
  await stage.stack
    .app()
    .get(Database, { strict: false })
    .query.updateTable('orgs')
    .set({ domain, claimed_domain: domain, domain_proof: 'administrator' })
    .where('id', '=', org.split('/').at(-1) ?? '')
    .execute();
  return org;
}

it('the login page of everybody is the same before and after the first connection of an organisation', async () => {
  const { page, stack } = stage;
  const seen = async (): Promise<unknown> => {
    const visitor = await stage.other();
    await visitor.goto(`${stack.url}/auth/login`);
    await visitor.getByLabel('Password', { exact: true }).waitFor();
    const main = visitor.getByRole('main');
    return [await main.innerText(), await main.getByRole('link').allInnerTexts()];
  };
  const before = await seen();
  await letIn(page, stack.url, await verifiedPerson(stack));
  await page.goto(stack.url);
  await createOrganisationIn(page, 'First Engines');
  const org = await confirmDomain(page, 'first.test');
  await page.goto(`${org}/connections/new?kind=oidc`);
  await page.getByLabel('Name', { exact: true }).fill('Example Ltd.');
  await page.getByLabel('Issuer').fill('https://login.example.org');
  await page.getByLabel('Client ID').fill('vestibule');
  await page.getByLabel('Log in users of first.test by it').check();
  await press(page, 'Connect');
  expect(await page.getByRole('status').innerText()).toBe('The connection has been saved.');
  expect(await seen()).toEqual(before);
  expect(before).toContainEqual(expect.arrayContaining(['Log in with your company']));
});

it('the form of a connection is refused at its fields with what was typed but the secret, and its page has no secret', async () => {
  const { page, stack } = stage;
  await letIn(page, stack.url, await verifiedPerson(stack));
  await page.goto(stack.url);
  await createOrganisationIn(page, 'Analytical Engines');
  const org = page.url().replace(/\?.*/, '');
  await page.goto(`${org}/connections`);
  expect(await page.getByText('First confirm the e-mail domain').count()).toBe(1);
  const settings = page.getByRole('link', { name: 'its settings' });
  expect(await settings.getAttribute('href')).toBe(`${new URL(org).pathname}/settings#org-domain`);
  await page.getByRole('link', { name: 'Connect an LDAP directory' }).click();
  expect(await namelessIn(page)).toEqual([]);
  await page.goto(`${org}/connections/new?kind=oidc`);
  expect([await namelessIn(page), await overflowOf(page)]).toEqual([[], 0]);
  await page.getByLabel('Name', { exact: true }).fill('Example Ltd.');
  await page.getByLabel('Issuer').fill('https://10.0.0.1');
  await page.getByLabel('Client ID').fill('vestibule');
  await page.getByLabel('Client secret').fill('a secret of the client');
  await page.getByLabel('Roles by group').fill('it = owner');
  await press(page, 'Connect');
  expect(await page.getByLabel('Roles by group').getAttribute('aria-invalid')).toBe('true');
  await page.getByLabel('Roles by group').fill('it = admin');
  await page.getByLabel('Client secret').fill('a secret of the client');
  await press(page, 'Connect');
  const issuer = page.getByLabel('Issuer');
  expect([await issuer.getAttribute('aria-invalid'), await issuer.inputValue()]).toEqual([
    'true',
    'https://10.0.0.1',
  ]);
  expect(await page.getByLabel('Client secret').inputValue()).toBe('');
  await issuer.fill('https://login.example.org');
  await page.getByLabel('Client secret').fill('a secret of the client');
  await press(page, 'Connect');
  expect(await page.getByRole('status').innerText()).toBe('The connection has been saved.');
  expect([await namelessIn(page), await overflowOf(page)]).toEqual([[], 0]);
  expect(await page.content()).not.toContain('a secret of the client');
  expect(await page.getByText('No address leads to it').count()).toBe(0);
  await page.getByLabel('Name', { exact: true }).fill('Example Inc.');
  await press(page, 'Save');
  await page.getByRole('heading', { level: 2, name: 'Example Inc.' }).waitFor();

  // Members who own nothing see neither the link nor the pages.
  const other = await stage.other();
  const member = await verifiedPerson(stack);
  await letIn(other, stack.url, member);
  const { query } = stack.app().get(Database, { strict: false });
  const { id } = await query
    .selectFrom('users')
    .select('id')
    .where('email', '=', member.email)
    .executeTakeFirstOrThrow();
  const orgId = org.split('/').at(-1) ?? '';
  await query
    .insertInto('memberships')
    .values({ org_id: orgId, user_id: id, role: 'admin', state: 'active', created_at: 1 })
    .execute();
  await other.goto(org);
  const sections = other.getByRole('navigation', { name: 'Organisation' }).getByRole('link');
  expect(await sections.allInnerTexts()).not.toContain('Company login');
  expect((await other.goto(`${org}/connections`))?.status()).toBe(403);
});

it('the form of a SAML provider says what is wrong with a metadata URL, and takes metadata of 150,000 characters', async () => {
  const { page, stack } = stage;
  await letIn(page, stack.url, await verifiedPerson(stack));
  await page.goto(stack.url);
  await createOrganisationIn(page, 'Large Engines');
  const org = page.url().replace(/\?.*/, '');
  await page.goto(`${org}/connections/new?kind=saml`);
  await page.getByLabel('Name', { exact: true }).fill('Example Ltd.');
  const url = page.getByLabel('Or the URL of its metadata');
  await url.fill('http://login.example.org/metadata');
  await page.getByLabel('Entity ID').fill('https://login.example.org/');
  await press(page, 'Connect');
  expect(await url.getAttribute('aria-invalid')).toBe('true');
  expect(await page.getByText('has no metadata_url with an https URL').count()).toBe(1);
  await url.fill('');
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-large-metadata-'));
  const { certificate } = await makeKeyPair(folder, 'provider');
  await rm(folder, { recursive: true });
  await page
    .getByLabel('Metadata of the provider')
    .fill(
      '<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://login.example.org/">' +
        '<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">' +
        '<KeyDescriptor><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>' +
        `<X509Certificate>${certificate.replaceAll(/-----.*-----|\s/g, '')}</X509Certificate>` +
        '</X509Data></KeyInfo></KeyDescriptor>' +
        `<NameIDFormat>${'urn:example:format '.repeat(8000)}</NameIDFormat>` +
        '<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" ' +
        'Location="https://login.example.org/sso"/></IDPSSODescriptor></EntityDescriptor>',
    );
  await press(page, 'Connect');
  expect(await page.getByRole('status').innerText()).toBe('The connection has been saved.');
});

it('the form says what is wrong with the domain, and keeps what is required while no domain is confirmed', async () => {
  const { page, stack } = stage;
  await letIn(page, stack.url, await verifiedPerson(stack));
  await page.goto(stack.url);
  await createOrganisationIn(page, 'Difference Engines');
  const org = page.url().replace(/\?.*/, '');
  const orgId = org.split('/').at(-1) ?? '';
  const { query } = stack.app().get(Database, { strict: false });
  const confirm = async (domain: string | null): Promise<unknown> =>
    query
      .updateTable('orgs')
      .set({ domain, claimed_domain: domain, domain_proof: domain === null ? null : 'administrator' })
      .where('id', '=', orgId)
      .execute();
  await confirm('free.test');
  await page.goto(`${org}/connections/new?kind=oidc`);
  // Not ticked by itself: members who have an account here would get another one.
  const box = page.getByLabel('Log in users of free.test by it');
  expect(await box.isChecked()).toBe(false);
  const known = await query
    .selectFrom('memberships')
    .select('user_id')
    .where('org_id', '=', orgId)
    .executeTakeFirstOrThrow();
  const about = page.getByText('who have an account here:');
  expect(await about.count()).toBe(0);
  await query
    .updateTable('users')
    .set({ email_key: 'someone@free.test' })
    .where('id', '=', known.user_id)
    .execute();
  await page.reload();
  expect(await about.innerText()).toMatch(/: 1\. Each of them .* gets a second, empty account\./);
  expect(await page.getByText('Members who may go on with their account here').innerText()).toMatch(/: 1\.$/);
  expect([await namelessIn(page), await overflowOf(page)]).toEqual([[], 0]);
  await page.getByLabel('Name', { exact: true }).fill('Example Ltd.');
  await page.getByLabel('Issuer').fill('https://login.example.org');
  await page.getByLabel('Client ID').fill('vestibule');
  await page.getByLabel('Client secret').fill('a secret of the client');
  await page.getByLabel('Log in users of free.test by it').check();
  await page.getByLabel('They must log in by it').check();
  await press(page, 'Connect');
  expect(await page.getByRole('status').innerText()).toBe('The connection has been saved.');
  await confirm('other.test');
  await page.reload();
  expect(await page.getByLabel('Log in users of other.test by it').isChecked()).toBe(false);
  await page.getByLabel('Log in users of other.test by it').check();
  await press(page, 'Save');
  expect(await page.getByText('its users belong to that domain').count()).toBe(1);
  await confirm(null);
  await page.goto(page.url());
  expect(await page.getByLabel('They must log in by it').count()).toBe(0);
  await press(page, 'Save');
  await confirm('free.test');
  await page.goto(page.url());
  expect(await page.getByLabel('They must log in by it').isChecked()).toBe(true);
});

it('how the secret is sent is chosen from a list, which shows what was chosen', async () => {
  const { page, stack } = stage;
  await letIn(page, stack.url, await verifiedPerson(stack));
  await page.goto(stack.url);
  await createOrganisationIn(page, 'Secret Engines');
  const orgId = page.url().replace(/\?.*/, '').split('/').at(-1) ?? '';
  await page.goto(`${stack.url}/orgs/${orgId}/connections/new?kind=oidc`);
  await page.getByLabel('Name', { exact: true }).fill('Example Ltd.');
  await page.getByLabel('Issuer').fill('https://login.example.org');
  await page.getByLabel('Client ID').fill('vestibule');
  const list = page.getByLabel('How the secret is sent');
  const stored = async (): Promise<unknown> =>
    (await page.request.get(`${stack.url}/api/v1/orgs/${orgId}/connections`)).json();
  expect(await list.inputValue()).toBe('');
  await list.selectOption('client_secret_post');
  await press(page, 'Connect');
  expect(await page.getByRole('status').innerText()).toBe('The connection has been saved.');
  expect(await list.inputValue()).toBe('client_secret_post');
  expect(await stored()).toMatchObject({
    items: [{ settings: { token_endpoint_auth_method: 'client_secret_post' } }],
  });
  await list.selectOption('');
  await press(page, 'Save');
  const unset = expect.not.objectContaining({ token_endpoint_auth_method: 'client_secret_post' });
  await expect.poll(stored).toMatchObject({ items: [{ settings: unset }] });
});

it('a second connection for one domain is refused with that reason and no other', async () => {
  const { page, stack } = stage;
  await letIn(page, stack.url, await verifiedPerson(stack));
  await page.goto(stack.url);
  await createOrganisationIn(page, 'Twin Engines');
  const org = await confirmDomain(page, 'twin.test');
  const connect = async (name: string): Promise<void> => {
    await page.goto(`${org}/connections/new?kind=oidc`);
    await page.getByLabel('Name', { exact: true }).fill(name);
    await page.getByLabel('Issuer').fill('https://login.example.org');
    await page.getByLabel('Client ID').fill('vestibule');
    await page.getByLabel('Client secret').fill('a secret of the client');
    await page.getByLabel('Log in users of twin.test by it').check();
    await press(page, 'Connect');
  };
  await connect('Example Ltd.');
  expect(await page.getByRole('status').innerText()).toBe('The connection has been saved.');
  await connect('Example Inc.');
  expect(await page.getByRole('alert').innerText()).toBe(
    'Another connection logs in users of this domain. Untick the domain there first, or leave it out here.',
  );
  expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('Example Inc.');
});
