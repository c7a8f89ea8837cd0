import type { Locator, Page } from 'playwright-core';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { newId } from '../../../../../platform/core/identifier.js';
import { Database } from '../../../../../platform/database/database.schema.js';
import { promote } from '../../../../../../test/support/administrator.js';
import { claimsIn, postAs, verifiedPerson } from '../../../../../../test/support/browser.api.js';
import {
  descriptionOf,
  follow,
  namelessIn,
  overflowOf,
  shows,
} from '../../../../../../test/support/browser.js';
import { letIn } from '../../../../../../test/support/browser.person.js';
import { useStage } from '../../../../../../test/support/browser.stage.js';
import { DnsServer } from '../../../../../../test/support/dns.server.js';
import { Mailbox } from '../../../../../../test/support/mailbox.js';
import type { Person } from '../../../../../../test/support/person.js';

const dns = await DnsServer.start();
const env = { DNS_SERVERS: dns.address };
const stage = useStage({ context: { javaScriptEnabled: false }, stack: { env } });

afterAll(() => dns.stop());

const press = async (page: Page | Locator, name: string): Promise<void> =>
  follow(page.getByRole('button', { name, exact: true }));
const statusOf = async (page: Page): Promise<string> => page.getByRole('status').innerText();
const sectionsOf = async (page: Page): Promise<readonly string[]> =>
  page.getByRole('navigation', { name: 'Organisation' }).getByRole('link').allInnerTexts();
const listed = (page: Page, list: string, name: string): Locator =>
  page.getByRole('article', { name: list }).getByRole('listitem').filter({ hasText: name });

/** Somebody with a verified address is logged in, in the window. */
async function arrive(page: Page, domain?: string): Promise<Person> {
  const person = await verifiedPerson(stage.stack, domain);
  await letIn(page, stage.stack.url, person);
  return person;
}

/** Makes an organisation of the user in the window, and opens its page. @returns the address of that. */
async function makeOrg(page: Page, name: string): Promise<string> {
  const { url } = stage.stack;
  const headers = { origin: url };
  const made = await page.request.post(`${url}/api/v1/orgs`, { data: { name }, headers });
  const { id } = z.looseObject({ id: z.string() }).parse(await made.json());
  const org = `${url}/orgs/${id}`;
  await page.goto(org);
  return org;
}

/** Puts somebody who has just arrived in a window into an organisation. */
async function bringIn(page: Page, org: string, role: 'member' | 'admin' | 'owner'): Promise<Person> {
  const person = await arrive(page);
  const { sub } = await claimsIn(page, stage.stack.url);
  await stage.stack
    .app()
    .get(Database, { strict: false })
    .query.insertInto('memberships')
    .values({
      org_id: org.split('/').at(-1) ?? '',
      user_id: sub,
      role,
      state: 'active',
      created_at: Date.now(),
    })
    .execute();
  return person;
}

/** Confirms a domain on the page of the organisation's settings, as an administrator. */
async function confirmAsAdministrator(org: string): Promise<void> {
  const [first, window] = [await stage.other(), await stage.other()];
  const person = await arrive(first);
  await promote(stage.stack.app(), (await claimsIn(first, stage.stack.url)).sub);
  await letIn(window, stage.stack.url, person);
  await window.goto(`${org}/settings`);
  await press(window, 'Confirm without a record');
  expect(await statusOf(window)).toBe('The domain has been confirmed.');
}

describe('a new organisation', () => {
  it('is refused at its field with what was typed, and then created', async () => {
    const { page, stack } = stage;
    await arrive(page);
    await page.goto(`${stack.url}/orgs/new`);
    expect(await namelessIn(page)).toEqual([]);
    await page.getByLabel('Name', { exact: true }).fill('   ');
    await page.getByLabel('Short name').fill('Not A Slug');
    await press(page, 'Create organisation');
    const slug = page.getByLabel('Short name');
    expect(await slug.inputValue()).toBe('Not A Slug');
    expect(await slug.getAttribute('aria-invalid')).toBe('true');
    expect(await descriptionOf(slug)).toContain('2 to 40');
    expect(await descriptionOf(page.getByLabel('Name', { exact: true }))).toContain('1 to 200 characters');
    expect(await page.title()).toMatch(/^Error: New organisation/);
    const name = `Engines ${newId().slice(-8)}`;
    await page.getByLabel('Name', { exact: true }).fill(name);
    await slug.fill('');
    await press(page, 'Create organisation');
    expect(await statusOf(page)).toBe('The organisation has been created.');
    expect(await sectionsOf(page)).toEqual([
      'Members',
      'Invitations',
      'API keys',
      'Applications',
      'Company login',
      'Settings',
    ]);
    await page.goto(`${stack.url}/orgs/new`);
    await page.getByLabel('Name', { exact: true }).fill('Another');
    await page.getByLabel('Short name').fill(name.toLowerCase().replace(' ', '-'));
    await press(page, 'Create organisation');
    expect(await descriptionOf(slug)).toContain('Another organisation has, or had, this short name.');
  });

  it('is created once, however often the button is pressed', async () => {
    const { page, stack } = stage;
    await arrive(page);
    for (const name of [`Twins ${newId().slice(-8)}`, `Машины ${newId().slice(-8)}`]) {
      const form = { name, slug: '', formId: newId().slice(-8) };
      const answers = await Promise.all([1, 2, 3].map(() => postAs(page, `${stack.url}/orgs`, form)));
      const [first] = answers.map((answer) => answer.headers.get('location'));
      expect(first).toMatch(/^\/orgs\/[\w-]{36}\?notice=org_created$/);
      expect(answers.map((answer) => answer.headers.get('location'))).toEqual([first, first, first]);
      await page.goto(stack.url);
      expect(await listed(page, 'Organisations', name).count()).toBe(1);
    }
  });
});

it('a link admits one user, who sees no form for admins until they are one', async () => {
  const { page, stack } = stage;
  await arrive(page);
  const org = await makeOrg(page, `Looms ${newId().slice(-8)}`);
  await page.goto(`${org}/invites`);
  await press(page, 'Invite');
  const link = await page.getByLabel('Link').inputValue();
  expect(link).toMatch(/\/invitation\?invite=/);
  expect(page.url()).not.toContain('invite=');
  await follow(page.getByRole('link', { name: 'Back to the organisation' }));
  expect(await page.content()).not.toContain(link);
  expect(await listed(page, 'Invitations', 'Link').innerText()).toContain('Open');

  const other = await stage.other();
  const member = await verifiedPerson(stack);
  await other.goto(link);
  await other.getByRole('main').getByRole('link', { name: 'Log in' }).click();
  await other.getByLabel('E-mail').fill(member.email);
  await other.getByLabel('Password').fill(member.password);
  await other.keyboard.press('Enter');
  await press(other, 'Accept');
  await other.getByRole('heading', { name: /^You are now a member of Looms/ }).waitFor();
  await other.goto(org);
  expect(await sectionsOf(other).catch(() => [])).toEqual([]);
  expect(await other.getByRole('group').count()).toBe(0);
  expect(await shows(other.getByRole('link', { name: 'Leave this organisation' }))).toBe(true);
  const { sub } = await claimsIn(other, stack.url);
  const { sub: owner } = await claimsIn(page, stack.url);
  for (const path of [
    '/settings',
    '/delete',
    '/invites',
    '/api-keys',
    `/members/${sub}/role`,
    `/members/${owner}/remove`,
  ]) {
    const form = {
      name: 'Mine',
      scope: 'orgs:read',
      life: '30',
      role: 'admin',
      slug: 'mine',
      joinPolicy: 'invite',
    };
    expect([path, (await postAs(other, org + path, form)).status]).toEqual([path, 403]);
  }
  for (const path of ['/settings', '/delete', '/invites', '/api-keys']) {
    expect([path, (await other.goto(org + path))?.status()]).toEqual([path, 403]);
  }

  await page.goto(org);
  const entry = listed(page, 'Members', member.name);
  await entry.getByText('Change').click();
  await entry.getByRole('combobox', { name: 'Role' }).selectOption('Admin');
  await press(entry, `Save role: ${member.name}`);
  expect(await statusOf(page)).toBe('The role has been changed.');
  await other.goto(org);
  expect(await sectionsOf(other)).toEqual(['Members', 'Invitations', 'API keys']);
  // An admin gives nobody more than they have themselves.
  await follow(other.getByRole('link', { name: 'Invitations' }));
  expect(await other.getByLabel('Role').locator('option').allInnerTexts()).toEqual(['Member', 'Admin']);

  await entry.getByText('Change').click();
  await press(entry, `Remove ${member.name}`);
  expect(await statusOf(page)).toBe('The member has been removed.');
  expect((await other.goto(org))?.status()).toBe(404);
});

it('an invitation by mail is accepted on the account page, and the session acts for the organisation that it is switched to', async () => {
  const { page, stack } = stage;
  await arrive(page);
  const name = `Mills ${newId().slice(-8)}`;
  const org = await makeOrg(page, name);
  await page.getByRole('link', { name: 'Invitations' }).click();
  // What a browser lets through and the API doesn't.
  await page.getByLabel('E-mail address').fill('somebody@nowhere');
  await press(page, 'Invite');
  expect(await page.getByLabel('E-mail address').inputValue()).toBe('somebody@nowhere');
  expect(await descriptionOf(page.getByLabel('E-mail address'))).toContain('a full e-mail address');
  const guest = await verifiedPerson(stack);
  await page.getByLabel('E-mail address').fill(guest.email);
  await page.getByLabel('Role').selectOption('Admin');
  await press(page, 'Invite');
  expect(await statusOf(page)).toBe('The invitation has been sent.');
  const mail = await new Mailbox(stack).next(guest.email, /./);
  expect(mail.link).toContain('invite=');

  const other = await stage.other();
  await letIn(other, stack.url, guest);
  const own = await makeOrg(other, `Own ${newId().slice(-8)}`);
  await other.goto(stack.url);
  const waiting = listed(other, 'Invitations', name);
  expect(await waiting.innerText()).toContain('Role: Admin, invited by');
  const late = await other.context().newPage();
  await late.goto(stack.url);
  await press(other, `Accept the invitation to ${name}`);
  expect(await statusOf(other)).toBe('You have accepted the invitation.');
  expect(await other.getByRole('article', { name: 'Invitations' }).count()).toBe(0);
  expect(await listed(other, 'Organisations', name).innerText()).toContain('Admin');
  await press(late, `Decline the invitation to ${name}`);
  expect(await statusOf(late)).toBe('That invitation is no longer open.');

  const idOf = (address: string): string => address.split('/').at(-1) ?? '';
  await press(other, `Switch to ${name}`);
  expect(await statusOf(other)).toBe('You are now acting for another organisation.');
  expect((await claimsIn(other, stack.url)).org).toMatchObject({ id: idOf(org), role: 'admin' });
  expect(await listed(other, 'Organisations', name).innerText()).toContain('Active');
  await other.getByRole('button', { name: /^Switch to Own/ }).click();
  await listed(other, 'Organisations', 'Own').getByText('Active').waitFor();
  expect((await claimsIn(other, stack.url)).org).toMatchObject({ id: idOf(own), role: 'owner' });
});

it('a link that is opened while logged in asks first, and joins only when accepted', async () => {
  const { page } = stage;
  await arrive(page);
  const name = `Forges ${newId().slice(-8)}`;
  const org = await makeOrg(page, name);
  await page.goto(`${org}/invites`);
  await press(page, 'Invite');
  const link = await page.getByLabel('Link').inputValue();
  const other = await stage.other();
  const guest = await arrive(other);
  await other.goto(link);
  expect(await shows(other.getByRole('heading', { name: `Join ${name}?` }))).toBe(true);
  expect(await other.getByText(`You are logged in as ${guest.email}.`).count()).toBe(1);
  expect(await namelessIn(other)).toEqual([]);
  await other.setViewportSize({ width: 320, height: 640 });
  expect(await overflowOf(other)).toBe(0);
  await follow(other.getByRole('link', { name: 'Not now' }));
  expect(await listed(other, 'Organisations', name).count()).toBe(0);
  await other.goto(link);
  await press(other, 'Accept');
  await other.getByRole('heading', { name: `You are now a member of ${name}` }).waitFor();
  await other.getByRole('link', { name: 'Continue' }).click();
  expect(await listed(other, 'Organisations', name).innerText()).toContain('Active');
});

it('a revoked invitation can’t be used', async () => {
  const { page } = stage;
  await arrive(page);
  const org = await makeOrg(page, `Mines ${newId().slice(-8)}`);
  await page.goto(`${org}/invites`);
  await press(page, 'Invite');
  const link = await page.getByLabel('Link').inputValue();
  await page.getByRole('link', { name: 'Back to the organisation' }).click();
  const late = await page.context().newPage();
  await late.goto(`${org}/invites`);
  await press(page, 'Revoke invitation: Link');
  expect(await statusOf(page)).toBe('The invitation has been revoked.');
  await press(late, 'Revoke invitation: Link');
  expect(await statusOf(late)).toBe('That invitation is no longer open.');
  const other = await stage.other();
  await arrive(other);
  await other.goto(link);
  await other.getByRole('heading', { name: 'This invitation can no longer be used' }).waitFor();
  expect(await listed(other, 'Organisations', 'Mines').count()).toBe(0);
});

it("an organisation's key acts as a service account, is shown once, and ends when it's revoked", async () => {
  const { page, stack } = stage;
  await arrive(page);
  const org = await makeOrg(page, `Ports ${newId().slice(-8)}`);
  await page.getByRole('link', { name: 'API keys' }).click();
  await page.getByText('New API key').click();
  await page.getByLabel('Name').fill('Robot');
  await page.getByLabel('Scope').fill('orgs:raed');
  await press(page, 'Create key');
  expect(await page.getByLabel('Scope').inputValue()).toBe('orgs:raed');
  expect(await descriptionOf(page.getByLabel('Scope'))).toContain('Please enter 1 to 20 scopes');
  await page.getByLabel('Scope').fill('orgs:read');
  await press(page, 'Create key');
  const key = await page.getByLabel('Key', { exact: true }).inputValue();
  const status = async (): Promise<number> =>
    (await fetch(org.replace('/orgs/', '/api/v1/orgs/'), { headers: { 'x-api-key': key } })).status;
  expect(await status()).toBe(200);
  await page.getByRole('link', { name: 'Back to the organisation' }).click();
  expect(page.url()).toBe(`${org}/api-keys`);
  expect(await page.content()).not.toContain(key);
  expect(await listed(page, 'API keys', 'Robot').innerText()).toContain('Member');
  await press(page, 'Revoke API key: Robot');
  expect(await statusOf(page)).toBe('The API key has been revoked.');
  expect(await status()).toBe(401);
  expect(stack.log.join('\n')).not.toContain(key.slice(40));
});

it('the last owner can neither leave nor be demoted, and sees why; with another owner both work', async () => {
  const { page } = stage;
  const person = await arrive(page);
  const name = `Canals ${newId().slice(-8)}`;
  const org = await makeOrg(page, name);
  expect(await page.getByRole('link', { name: 'Leave this organisation' }).count()).toBe(0);
  expect(await shows(page.getByText("You are the only owner, so you can't leave."))).toBe(true);
  await page.goto(`${org}/leave`);
  expect(await page.getByRole('alert').innerText()).toContain('An organisation needs an owner.');
  expect(await page.getByRole('button', { name: 'Leave', exact: true }).count()).toBe(0);
  expect(await shows(page.getByRole('heading', { level: 1, name: `Leave ${name}?` }))).toBe(true);
  expect((await postAs(page, `${org}/leave`)).status).toBe(409);
  await page.goto(org);
  const entry = listed(page, 'Members', person.name);
  await entry.getByText('Change').click();
  await entry.getByRole('combobox', { name: 'Role' }).selectOption('Member');
  await press(entry, `Save role: ${person.name}`);
  expect(await page.getByRole('alert').innerText()).toContain('An organisation needs an owner.');
  expect(await entry.innerText()).toContain('Owner');

  const other = await stage.other();
  await bringIn(other, org, 'owner');
  await page.goto(org);
  await page.getByRole('link', { name: 'Leave this organisation' }).click();
  await press(page, 'Leave');
  expect(await statusOf(page)).toBe('You have left the organisation.');
  expect(await listed(page, 'Organisations', name).count()).toBe(0);
  expect((await page.goto(org))?.status()).toBe(404);

  await other.goto(`${org}/settings`);
  await other.getByRole('link', { name: 'Delete this organisation' }).click();
  // Nothing is deleted by who doesn't belong to it any more.
  const refused = await postAs(page, `${org}/delete`);
  expect(refused.headers.get('location')).toBe('/?notice=org_gone');
  await other.reload();
  await press(other, 'Delete for good');
  expect(await statusOf(other)).toBe('The organisation has been deleted.');
  expect((await other.goto(org))?.status()).toBe(404);
});

it('users of a domain request to join, and are approved or rejected; the settings show errors', async () => {
  const { page, stack } = stage;
  const domain = `d${newId().slice(-8)}.example`;
  await arrive(page, domain);
  const name = `Domain ${newId().slice(-8)}`;
  const org = await makeOrg(page, name);
  await page.getByRole('link', { name: 'Settings' }).click();
  await page.getByLabel('E-mail domain').fill('somebody-else.example');
  await press(page, 'Save');
  expect(await descriptionOf(page.getByLabel('E-mail domain'))).toContain('your own verified e-mail address');
  expect(await page.getByLabel('E-mail domain').inputValue()).toBe('somebody-else.example');
  await page.getByLabel('E-mail domain').fill('');
  await page.getByLabel('Who can join').selectOption('approval');
  await press(page, 'Save');
  expect(await descriptionOf(page.getByLabel('Who can join'))).toContain('Without a domain');
  // Of two new values, the one that is taken is named.
  const slug = `taken-${newId().slice(-8)}`;
  const made = await page.request.post(`${stack.url}/api/v1/orgs`, {
    data: { name: 'Taken', slug },
    headers: { origin: stack.url },
  });
  expect(made.status()).toBe(201);
  const shortName = page.getByLabel('Short name');
  const own = await shortName.inputValue();
  await shortName.fill(slug);
  await page.getByLabel('E-mail domain').fill(domain);
  await press(page, 'Save');
  expect(await descriptionOf(shortName)).toContain('Another organisation has, or had, this short name.');
  expect(await page.getByLabel('E-mail domain').getAttribute('aria-invalid')).toBeNull();
  await shortName.fill(own);
  await page.getByLabel('Name', { exact: true }).fill(`${name} Ltd`);
  await press(page, 'Save');
  expect(await statusOf(page)).toBe('The settings have been saved.');
  await press(page, 'Check the record');
  expect(await statusOf(page)).toContain('could not be confirmed');
  expect(await page.getByText(`_vestibule-challenge.${domain}`).count()).toBe(1);
  await confirmAsAdministrator(org);

  const [one, two] = [await stage.other(), await stage.other()];
  const [first, second] = [await arrive(one, domain), await arrive(two, domain)];
  for (const window of [one, two]) {
    await window.goto(stack.url);
    await press(window, 'Ask to join');
    expect(await statusOf(window)).toContain('Your request has been sent.');
    expect((await window.goto(org))?.status()).toBe(404);
  }
  await page.goto(org);
  const late = await page.context().newPage();
  await late.goto(org);
  await press(page, `Approve ${first.name}`);
  expect(await statusOf(page)).toBe('The request has been approved.');
  await press(page, `Decline ${second.name}`);
  expect(await statusOf(page)).toBe('The request has been declined.');
  expect(await page.getByRole('article', { name: 'Requests to join' }).count()).toBe(0);
  await press(late, `Approve ${second.name}`);
  expect(await statusOf(late)).toBe('That request has already been decided or withdrawn.');
  expect((await one.goto(org))?.status()).toBe(200);
  expect((await two.goto(org))?.status()).toBe(404);
  expect((await postAs(two, `${stack.url}/orgs/${newId()}/join`)).headers.get('location')).toBe(
    '/?notice=org_not_joined',
  );
});

it('many members come in pages, which fit a window of 320 pixels', async () => {
  const { page, stack } = stage;
  await arrive(page);
  const org = await makeOrg(page, `Crowd-${'x'.repeat(80)}`);
  const { query } = stack.app().get(Database, { strict: false });
  const now = Date.now();
  const users = Array.from({ length: 55 }, (_, index) => ({
    id: newId(),
    name: `Member ${index} ${'y'.repeat(60)}`,
    email: `${'z'.repeat(50)}${index}-${newId()}@example.org`,
    email_verified: 1,
    picture: null,
    role: 'user' as const,
    kind: 'person' as const,
    version: 1,
    created_at: now,
    updated_at: now,
  }));
  await query.insertInto('users').values(users).execute();
  const orgId = org.split('/').at(-1) ?? '';
  await query
    .insertInto('memberships')
    .values(
      users.map(({ id }) => ({
        org_id: orgId,
        user_id: id,
        role: 'member' as const,
        state: 'active' as const,
        created_at: now,
      })),
    )
    .execute();
  await page.setViewportSize({ width: 320, height: 640 });
  await page.goto(org);
  const members = page.getByRole('article', { name: 'Members' }).locator('ul').first().locator('> li');
  expect(await members.count()).toBe(50);
  await members.last().getByText('Change').click();
  expect(await overflowOf(page)).toBe(0);
  const card = await page.getByRole('article', { name: 'Members' }).boundingBox();
  const edge = (card?.x ?? 0) + (card?.width ?? 0);
  const sticking = await members
    .locator('button:visible, select:visible')
    .evaluateAll((controls) => controls.map((control) => control.getBoundingClientRect().right));
  expect(sticking).toHaveLength(3);
  expect(sticking.filter((right) => right > edge)).toEqual([]);
  await follow(page.getByRole('link', { name: 'Next page' }));
  expect(await members.count()).toBe(6);
  await page.getByRole('link', { name: 'First page' }).click();
  expect(await members.count()).toBe(50);
  // Its other pages: test/browser/every-page.spec.ts.
  expect(await overflowOf(page)).toBe(0);
  expect(await namelessIn(page)).toEqual([]);
});
