import type { Locator, Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../../src/platform/database/database.schema.js';
import { axeViolations } from '../support/axe.js';
import { descriptionOf, follow, namelessIn, overflowOf, shows } from '../support/browser.js';
import { fillLogin, letIn, logInIn } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { Mailbox } from '../support/mailbox.js';
import { OryAdmin } from '../support/ory.admin.js';
import { logIn, newPerson, type Person, signUp } from '../support/person.js';
import { enrolTotp } from '../support/second.factor.js';
import { waitUntil } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';
import { keyOf } from '../support/world.js';

const stage = useStage({ context: { javaScriptEnabled: false } });
const admin = newPerson();
const nobody = '01980000-0000-7000-8000-000000000000';

/** Somebody who has logged in once. */
interface Account extends Person {
  readonly id: string;
}

beforeAll(async () => {
  // Administrators are users with a verified address.
  await new OryAdmin(stage.stack.env).createPerson(admin, { isVerified: true });
  await logIn(new UserAgent(stage.stack.url), admin);
  await database().updateTable('users').set({ role: 'admin' }).where('email', '=', admin.email).execute();
});

function database(): Database['query'] {
  return stage.stack.app().get(Database, { strict: false }).query;
}

async function newAccount(): Promise<Account> {
  const person = newPerson();
  await signUp(new UserAgent(stage.stack.url), person);
  const { id } = await database()
    .selectFrom('users')
    .select('id')
    .where('email', '=', person.email)
    .executeTakeFirstOrThrow();
  return { ...person, id };
}

/** Logs in as the administrator and opens a page. */
async function open(path: string): Promise<Page> {
  const { page, stack } = stage;
  await letIn(page, stack.url, admin);
  await page.goto(stack.url + path);
  return page;
}

/** The same page in a second tab, as it is now. */
async function secondTab(page: Page): Promise<Page> {
  const tab = await page.context().newPage();
  await tab.goto(page.url());
  return tab;
}

const part = (page: Page, name: string): Locator => page.getByRole('article', { name, exact: true });
const statusOf = (page: Page): Promise<string> => page.getByRole('status').innerText();
const rows = (page: Page): Locator =>
  page
    .getByRole('table')
    .getByRole('row')
    .filter({ hasNot: page.getByRole('columnheader') });

async function press(page: Page, name: string): Promise<void> {
  await follow(page.getByRole('main').getByRole('button', { name, exact: true }));
}

async function expectLoggedOut(page: Page): Promise<void> {
  await page.goto(stage.stack.url);
  expect(await shows(page.getByRole('heading', { name: 'Welcome' }))).toBe(true);
}

async function expectStatus(path: string, status: number): Promise<void> {
  const answer = await stage.page.goto(stage.stack.url + path);
  expect({ path, status: answer?.status() }).toEqual({ path, status });
}

/** Sends a form that no page offers, with the window's cookies. */
async function post(path: string, form: Readonly<Record<string, string>> = {}) {
  return stage.page.request.post(stage.stack.url + path, {
    form,
    headers: { accept: 'text/html', origin: stage.stack.url },
    maxRedirects: 0,
  });
}

/** Does something with the gateway's clock set forward; ends when a login that it began can be met in real time. */
async function fiveMinutesLater(act: () => Promise<void>): Promise<void> {
  stage.stack.shiftClock(301);
  await act().finally(() => stage.stack.shiftClock(0));
  // A login's age is counted in whole seconds from its start.
  const next = Date.now() + 2000;
  await waitUntil(() => Date.now() >= next, 'the clock to go on');
}

describe('users', () => {
  it('are searched, disabled, which ends their session at once, and enabled', async () => {
    const person = await newAccount();
    const theirs = await stage.other();
    await letIn(theirs, stage.stack.url, person);
    const page = await open('/');
    const { stack } = stage;
    await page.getByRole('link', { name: 'Administration' }).click();
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Users');
    const sections = page.getByRole('navigation', { name: 'Administration' });
    expect(await sections.getByRole('link').allInnerTexts()).toEqual([
      'Users',
      'Organisations',
      'Applications',
      'Audit events',
      'Keys',
    ]);
    expect(await sections.getByRole('link', { name: 'Users' }).getAttribute('aria-current')).toBe('page');

    await page.getByLabel('E-mail address, name or user id').fill(person.email.slice(0, 12).toUpperCase());
    const found = page.waitForURL(/search=/);
    await page.keyboard.press('Enter');
    await found;
    expect(await rows(page).count()).toBe(1);
    expect(await rows(page).innerText()).toMatch(/Not verified\s+User\s+Active\s+\d+ \w+ \d{4} at/);
    await page.getByRole('link', { name: person.name }).click();
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe(person.name);

    await press(page, 'Disable');
    expect(await statusOf(page)).toBe('The user has been disabled, and all their sessions have been ended.');
    await expectLoggedOut(theirs);
    await theirs.goto(`${stack.url}/auth/login`);
    await fillLogin(theirs, person);
    expect(await shows(theirs.getByText('this account has been disabled'))).toBe(true);

    await press(page, 'Enable');
    expect(await statusOf(page)).toBe('The user has been enabled.');
    await logInIn(theirs, stack.url, person);
    expect(await shows(theirs.getByRole('heading', { name: person.name }))).toBe(true);
  });

  it('are listed page by page, and back to the first one', async () => {
    const now = Date.now();
    const ids = Array.from(
      { length: 30 },
      (_, index) => `00000000-0000-7000-8000-${String(index).padStart(12, '0')}`,
    );
    await database()
      .insertInto('users')
      .values(
        ids.map((id, index) => ({
          id,
          email: `listed-${String(index).padStart(2, '0')}@example.org`,
          email_verified: 1,
          name: 'Listed',
          picture: null,
          role: 'user' as const,
          kind: 'person' as const,
          version: 1,
          email_key: `listed-${String(index).padStart(2, '0')}@example.org`,
          name_key: 'listed',
          disabled_at: null,
          created_at: now,
          updated_at: now,
          last_login_at: null,
        })),
      )
      .execute();
    const page = await open('/admin/users?search=listed-');
    expect(await rows(page).count()).toBe(25);
    await follow(page.getByRole('link', { name: 'Next page' }));
    expect(await rows(page).count()).toBe(5);
    expect(await rows(page).first().innerText()).toMatch(/listed-25@example\.org\s+User\s+Active\s+Never/);
    expect(await page.getByRole('link', { name: 'Next page' }).count()).toBe(0);
    await page.getByRole('link', { name: 'First page' }).click();
    expect(await rows(page).first().innerText()).toContain('listed-00@example.org');
    // One person may have logged in by two ways.
    const twice = 'listed-01@example.org';
    await database()
      .updateTable('users')
      .set({ email: twice, email_key: twice })
      .where('id', '=', ids[0] ?? '')
      .execute();
    await page.reload();
    const marked = rows(page).filter({ hasText: 'Same address as another user' });
    expect(await marked.getByRole('link').count()).toBe(2);
    expect(await overflowOf(page)).toBe(0);
    await page.getByLabel('State').selectOption('Disabled');
    await press(page, 'Search');
    expect(await shows(page.getByText('Nothing found.'))).toBe(true);
    expect(await page.getByLabel('State').inputValue()).toBe('disabled');
  });

  it('are made administrators once their address is verified; their own page has no such forms', async () => {
    const person = await newAccount();
    const page = await open(`/admin/users/${person.id}`);
    await page.getByLabel('Role').selectOption('Administrator');
    await press(page, 'Change role');
    expect(await page.getByRole('alert').innerText()).toContain('needs a verified e-mail address');
    expect(await page.getByLabel('Role').inputValue()).toBe('user');
    await database().updateTable('users').set({ email_verified: 1 }).where('id', '=', person.id).execute();
    await page.getByLabel('Role').selectOption('Administrator');
    await press(page, 'Change role');
    expect(await statusOf(page)).toBe('The role has been changed.');
    expect(await page.getByLabel('Role').inputValue()).toBe('admin');

    await letIn(await stage.other(), stage.stack.url, person);
    await page.goto(`${stage.stack.url}/admin/users?search=${encodeURIComponent(admin.email)}`);
    await follow(page.getByRole('link', { name: admin.name }));
    expect(await part(page, 'Access').count()).toBe(0);
    expect(await shows(page.getByText('This is you'))).toBe(true);
    const self = new URL(page.url()).pathname;
    for (const [path, form] of [
      ['/disable', {}],
      ['/role', { role: 'user' }],
      ['/delete', {}],
      ['/recovery', {}],
      ['/second-factors', {}],
    ] as const) {
      const answer = await post(self + path, form);
      expect({ path, status: answer.status() }).toEqual({ path, status: 409 });
      expect(await answer.text()).toMatch(/role="alert">That could not be done\. <span lang="en">Admin/);
    }
    // Their own sessions, this one too: the browser has to log in, and comes back.
    await press(page, 'End all sessions');
    await fillLogin(page, admin);
    await page.waitForURL(/\/admin\/users\/[\da-f-]{36}/);
    expect(await part(page, 'Sessions').getByRole('listitem').count()).toBe(1);
  });

  it('are deleted after a confirmation; a second press is reported', async () => {
    const person = await newAccount();
    const page = await open(`/admin/users/${person.id}`);
    await page.getByRole('link', { name: 'Delete…' }).click();
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe(`Delete ${person.name}?`);
    await page.getByRole('link', { name: 'Cancel' }).click();
    expect(await shows(page.getByRole('heading', { name: person.name }))).toBe(true);
    await page.getByRole('link', { name: 'Delete…' }).click();
    const tab = await secondTab(page);
    await press(page, 'Delete for good');
    expect(await statusOf(page)).toBe('The user has been deleted.');
    await press(tab, 'Delete for good');
    expect(await statusOf(tab)).toBe('That user had already been deleted.');
    await expectStatus(`/admin/users/${person.id}`, 404);
  });
});

it('a refusal is shown at its form, and axe finds nothing wrong with the result of a form', async () => {
  const { url } = stage.stack;
  const person = await newAccount();
  const theirs = await stage.other();
  await letIn(theirs, url, person);
  await database().updateTable('users').set({ email_verified: 1 }).where('id', '=', person.id).execute();
  const made = await theirs.request.post(`${url}/api/v1/orgs`, {
    data: { name: 'Only Ours' },
    headers: { origin: url },
  });
  expect(made.status()).toBe(201);
  const context = await stage.page.context().browser()?.newContext();
  const page = await context?.newPage();
  if (page === undefined) {
    throw new Error('Chromium has gone');
  }
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await letIn(page, url, admin);
  const userPage = `${url}/admin/users/${person.id}`;

  await page.goto(`${userPage}/delete`);
  await press(page, 'Delete for good');
  await page.getByRole('alert').waitFor();
  expect(await page.getByRole('alert').innerText()).toContain('the only owner of Only Ours');
  expect(await page.title()).toMatch(/^Error: /);
  expect(await axeViolations(page)).toEqual([]);
  await page.goto(userPage);
  await part(page, 'Organisations').getByRole('link', { name: 'Only Ours' }).click();
  expect(await shows(page.getByRole('heading', { name: 'Only Ours' }))).toBe(true);

  await page.goto(userPage);
  await press(page, 'Disable');
  await page.getByText('The user has been disabled').waitFor();
  expect(await axeViolations(page)).toEqual([]);
  await press(page, 'Enable');
  await page.getByText('The user has been enabled').waitFor();
  await page.goto(`${userPage}/recovery`);
  await press(page, 'Create link and code');
  await page.getByLabel('Code').waitFor();
  expect(await axeViolations(page)).toEqual([]);
  await page.goto(`${url}/admin/orgs`);
  await page.getByLabel('Name', { exact: true }).fill('Other');
  await page.getByLabel('Short name', { exact: true }).fill('-');
  await press(page, 'Create organisation');
  await page.getByText('with a letter or digit first and last').waitFor();
  expect(await axeViolations(page)).toEqual([]);
});

describe('the access of a user', () => {
  it('ends session by session, and all at once; a second press is reported', async () => {
    const person = await newAccount();
    const [one, two] = [await stage.other(), await stage.other()];
    await logInIn(one, stage.stack.url, person);
    await logInIn(two, stage.stack.url, person);
    const page = await open(`/admin/users/${person.id}`);
    const sessions = part(page, 'Sessions').getByRole('listitem');
    expect(await sessions.count()).toBe(3);
    const button = page.getByRole('button', { name: 'End session: Chrome on Linux' });
    expect(await descriptionOf(button.first())).toMatch(
      /^Last seen \d+ \w+ \d{4} at \d\d:\d\d UTC\s+from \S+$/,
    );
    const tab = await secondTab(page);
    // Newest first: that of the second window.
    await button.first().click();
    expect(await statusOf(page)).toBe('The session has been ended.');
    expect(await sessions.count()).toBe(2);
    await expectLoggedOut(two);
    await tab.getByRole('button', { name: 'End session: Chrome on Linux' }).first().click();
    expect(await statusOf(tab)).toBe('That session had already ended.');
    await one.reload();
    expect(await shows(one.getByRole('heading', { name: person.name }))).toBe(true);

    await press(page, 'End all sessions');
    expect(await statusOf(page)).toBe("All of the user's sessions have been ended.");
    expect(await part(page, 'Sessions').innerText()).toContain('Not logged in anywhere.');
    await expectLoggedOut(one);
  });

  it('by an API key ends when it is revoked; a second press is reported', async () => {
    const person = await newAccount();
    const key = await keyOf(stage.stack.app(), person.id, 'profile:read');
    const status = async (): Promise<number> =>
      (await fetch(`${stage.stack.url}/api/v1/me`, { headers: { 'x-api-key': key } })).status;
    expect(await status()).toBe(200);
    const page = await open(`/admin/users/${person.id}`);
    expect(await part(page, 'API keys').innerText()).toContain('scope profile:read');
    const tab = await secondTab(page);
    await page.getByRole('button', { name: 'Revoke API key: key' }).click();
    expect(await statusOf(page)).toBe('The API key has been revoked.');
    expect(await part(page, 'API keys').innerText()).toContain('No API keys.');
    expect(await status()).toBe(401);
    await tab.getByRole('button', { name: 'Revoke API key: key' }).click();
    expect(await statusOf(tab)).toBe('That API key had already been revoked.');
  });

  it('by a recovery code: the user chooses a new password in their own browser', async () => {
    const person = await newAccount();
    const page = await open(`/admin/users/${person.id}`);
    await page.getByRole('link', { name: 'Recovery code' }).click();
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe(
      `Recovery code for ${person.name}`,
    );
    await press(page, 'Create link and code');
    expect(await statusOf(page)).toBe("Copy both now: they aren't shown again.");
    const [link, code] = [
      await page.getByLabel('Link').inputValue(),
      await page.getByLabel('Code').inputValue(),
    ];
    expect(code).toMatch(/^\d{6}$/);
    expect(await namelessIn(page)).toEqual([]);
    await page.setViewportSize({ width: 320, height: 640 });
    expect(await overflowOf(page)).toBe(0);
    await follow(page.getByRole('link', { name: 'Back to the user' }));
    expect(await page.content()).not.toContain(code);

    const theirs = await stage.other();
    await theirs.goto(link);
    await theirs.getByLabel('Recovery code').fill(code);
    await theirs.keyboard.press('Enter');
    await theirs.getByRole('heading', { name: 'Choose a new password' }).waitFor();
    const password = `another ${person.password}`;
    await theirs.getByLabel('New password').fill(password);
    await theirs.getByRole('button', { name: 'Change password' }).click();
    await theirs.getByRole('heading', { name: 'Your new password is set' }).waitFor();
    const elsewhere = await stage.other();
    await letIn(elsewhere, stage.stack.url, { email: person.email, password });
    await elsewhere.goto(stage.stack.url);
    expect(await shows(elsewhere.getByRole('heading', { name: person.name }))).toBe(true);
  });

  it('without the lost second step: a recovery code still asks for it, a reset does not', async () => {
    const { stack } = stage;
    const person = newPerson();
    await new OryAdmin(stack.env).createPerson(person, { isVerified: true });
    const theirs = new UserAgent(stack.url);
    await logIn(theirs, person);
    await enrolTotp(theirs);
    const { id } = await database()
      .selectFrom('users')
      .select('id')
      .where('email', '=', person.email)
      .executeTakeFirstOrThrow();
    const page = await open(`/admin/users/${id}`);
    await page.getByRole('link', { name: 'Recovery code' }).click();
    await press(page, 'Create link and code');
    const [link, code] = [
      await page.getByLabel('Link').inputValue(),
      await page.getByLabel('Code').inputValue(),
    ];
    const lost = await stage.other();
    await lost.goto(link);
    await lost.getByLabel('Recovery code').fill(code);
    await lost.keyboard.press('Enter');
    await lost.locator('[name=totp_code]').waitFor();

    await page.getByRole('link', { name: 'Back to the user' }).click();
    await page.getByRole('link', { name: 'Reset second step' }).click();
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toContain(person.name);
    await press(page, 'Reset second step');
    expect(await statusOf(page)).toContain('The second step has been reset');
    expect(await part(page, 'Sessions').innerText()).toContain('Not logged in anywhere.');
    await new Mailbox(stack).next(person.email, /second step.*reset/i);

    await logInIn(lost, stack.url, person);
    expect(await shows(lost.getByRole('heading', { name: person.name }))).toBe(true);
  });

  it('by a recovery code needs a newer login, which leads back to the same page', async () => {
    const { stack } = stage;
    const person = await newAccount();
    const page = await open(`/admin/users/${person.id}`);
    const recovery = `${stack.url}/admin/users/${person.id}/recovery`;
    await fiveMinutesLater(async () => {
      await page.getByRole('link', { name: 'Recovery code' }).click();
      await page.getByRole('heading', { name: "Confirm it's you" }).waitFor();
    });
    await page.getByLabel('Password').fill(admin.password);
    await page.keyboard.press('Enter');
    await page.waitForURL(recovery);
    await fiveMinutesLater(async () => {
      await press(page, 'Create link and code');
      expect(await page.getByText('reauthentication_required').count()).toBe(1);
      await page.getByRole('link', { name: "Confirm it's you" }).click();
    });
    await page.getByLabel('Password').fill(admin.password);
    await page.keyboard.press('Enter');
    await page.waitForURL(recovery);
    await press(page, 'Create link and code');
    expect(await page.getByLabel('Code').inputValue()).toMatch(/^\d{6}$/);
    await page.goto(recovery.replace(/recovery$/, 'second-factors'));
    await fiveMinutesLater(async () => {
      await press(page, 'Reset second step');
      expect(await page.getByText('reauthentication_required').count()).toBe(1);
    });
  });
});

describe('the audit trail', () => {
  it('is narrowed by type, actor, target and time; each event has its details', async () => {
    const person = await newAccount();
    const page = await open(`/admin/users/${person.id}`);
    await press(page, 'Disable');
    const trail = async (): Promise<unknown> =>
      database()
        .selectFrom('audit_events')
        .select('id')
        .where('type', '=', 'user_disabled')
        .where('user_id', '=', person.id)
        .executeTakeFirst();
    await waitUntil(async () => (await trail()) !== undefined, 'the event to be written down');

    await page.getByRole('link', { name: 'Actions on this user' }).click();
    expect(await page.getByLabel('Target (id of a user').inputValue()).toBe(person.id);
    await page.getByLabel('Event').selectOption('User disabled');
    await press(page, 'Show');
    expect(await rows(page).count()).toBe(1);
    expect(await rows(page).innerText()).toMatch(
      new RegExp(`User disabled\\s+\\d+ \\w+ \\d{4} at .*Person \\w+\\s+${person.name}`, 's'),
    );
    await rows(page).getByText('User disabled').click();
    expect(await rows(page).getByText('user_disabled').isVisible()).toBe(true);
    expect(await rows(page).locator('dl').innerText()).toMatch(/With\s+Browser session/);
    expect(await namelessIn(page)).toEqual([]);

    const day = (offset: number): string =>
      new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 16);
    await page.getByLabel('From (UTC)').fill(day(1));
    await press(page, 'Show');
    expect(await shows(page.getByText('Nothing found.'))).toBe(true);
    await page.getByLabel('From (UTC)').fill(day(-1));
    await page.getByLabel('Before (UTC)').fill(day(1));
    await press(page, 'Show');
    expect(await rows(page).count()).toBe(1);
    await page.getByRole('link', { name: 'Show all' }).click();
    expect(await rows(page).count()).toBeGreaterThan(2);
  });

  it('shows at the field what cannot be searched for', async () => {
    const page = await open('/admin/audit-events?actor=nobody&from=yesterday&type=user_disabled');
    const actor = page.getByLabel('By (user id)');
    expect(await actor.inputValue()).toBe('nobody');
    expect(await actor.getAttribute('aria-invalid')).toBe('true');
    expect(await descriptionOf(actor)).toContain('Please enter a full id');
    expect(await descriptionOf(page.getByLabel('From (UTC)'))).toContain('Please enter a date and a time');
    expect(await page.getByLabel('Event').inputValue()).toBe('user_disabled');
    expect(await page.getByRole('table').count()).toBe(0);
    expect(await page.title()).toMatch(/^Error: /);
  });
});

it('organisations are created and found by their beginning; a taken short name is reported at its field', async () => {
  const page = await open('/admin/orgs');
  const slug = `engines-${Date.now()}`;
  const make = async (): Promise<void> => {
    await page.getByLabel('Name', { exact: true }).fill('Engines & Sons');
    await page.getByLabel('Short name', { exact: true }).fill(slug);
    await press(page, 'Create organisation');
  };
  await make();
  expect(page.url()).toMatch(/\/orgs\/[\da-f-]{36}\?notice=org_created$/);
  expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('Engines & Sons');
  await page.goto(`${stage.stack.url}/admin/orgs`);
  await make();
  const field = page.getByLabel('Short name', { exact: true });
  expect(await descriptionOf(field)).toContain(
    'Another organisation already has this short name, or had it.',
  );
  expect(await field.inputValue()).toBe(slug);
  expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('Engines & Sons');
  await field.fill('-');
  await press(page, 'Create organisation');
  expect(await descriptionOf(field)).toContain('with a letter or digit first and last');
  await page.getByLabel('Name or short name').fill(slug.slice(0, -2));
  await press(page, 'Search');
  expect(await rows(page).count()).toBe(1);
  expect(await rows(page).getByRole('link', { name: 'Engines & Sons' }).getAttribute('href')).toMatch(
    /^\/orgs\/[\da-f-]{36}$/,
  );
});

it('signing keys are rotated once, however often the button of one page is pressed', async () => {
  const page = await open('/admin/keys');
  const states = async (): Promise<readonly string[]> =>
    (
      await rows(page)
        .getByText(/^(?:Next|Current|Retired)$/)
        .allInnerTexts()
    ).toSorted();
  expect(await states()).toEqual(['Current', 'Next']);
  const tab = await secondTab(page);
  await press(page, 'Rotate keys');
  expect(await statusOf(page)).toBe('The keys have been rotated. The next key signs from now on.');
  expect(await states()).toEqual(['Current', 'Next', 'Retired']);
  await press(tab, 'Rotate keys');
  expect(await statusOf(tab)).toBe(
    'The keys had already been rotated in the meantime, so nothing was changed.',
  );
  await page.reload();
  expect(await states()).toEqual(['Current', 'Next', 'Retired']);
});

it('what is not there has the 404 page', async () => {
  const person = await newAccount();
  await open('/');
  for (const id of ['x', nobody, '..%2f..%2fme', '%00', `${person.id}x`]) {
    for (const path of ['', '/delete', '/recovery', '/second-factors']) {
      await expectStatus(`/admin/users/${id}${path}`, 404);
    }
    for (const path of [
      '/disable',
      '/sessions/end',
      `/sessions/${nobody}/end`,
      `/api-keys/${nobody}/revoke`,
    ]) {
      const answer = await post(`/admin/users/${id}${path}`);
      expect({ id, path, status: answer.status() }).toEqual({ id, path, status: 404 });
    }
  }
  await expectStatus('/admin/nowhere', 404);
  await expectStatus('/admin/users?cursor=x', 400);
  await expectStatus('/admin/orgs?search=%01', 400);
  await expectStatus('/admin/audit-events?type=user_disabled&actor=x', 400);
  const answer = await post(`/admin/users/${person.id}/role`, { role: 'emperor' });
  expect(answer.status()).toBe(400);
});

it('other users see no link to it and get the 403 page; a visitor is sent to log in, and back', async () => {
  const { page, stack } = stage;
  const person = await newAccount();
  await page.goto(`${stack.url}/admin/keys`);
  await fillLogin(page, admin);
  await page.waitForURL(`${stack.url}/admin/keys`);
  await page.context().clearCookies();

  await letIn(page, stack.url, person);
  await page.goto(stack.url);
  expect(await page.getByRole('link', { name: 'Administration' }).count()).toBe(0);
  for (const path of [
    '/admin',
    '/admin/users',
    `/admin/users/${person.id}`,
    `/admin/users/${person.id}/delete`,
    `/admin/users/${person.id}/recovery`,
    '/admin/orgs',
    '/admin/audit-events',
    '/admin/keys',
  ]) {
    await expectStatus(path, 403);
    expect(await shows(page.getByRole('heading', { name: 'Not allowed' }))).toBe(true);
  }
  for (const path of [
    `/admin/users/${person.id}/role`,
    `/admin/users/${nobody}/disable`,
    '/admin/keys/rotate',
  ]) {
    expect((await post(path, { role: 'admin' })).status()).toBe(403);
  }
});

it('all tabs can be seen and reached on a phone, the open one too', async () => {
  const page = await open('/admin');
  expect(page.url()).toBe(`${stage.stack.url}/admin/users`);
  await page.setViewportSize({ width: 390, height: 844 });
  const tabs = page.getByRole('navigation', { name: 'Administration' }).getByRole('link');
  const names = await tabs.allInnerTexts();
  expect(names.length).toBeGreaterThan(3);
  for (const name of names) {
    await page
      .getByRole('navigation', { name: 'Administration' })
      .getByRole('link', { name, exact: true })
      .click();
    const open = page.locator('nav.sections a[aria-current]');
    expect(await open.innerText()).toBe(name);
    for (const tab of await tabs.all()) {
      const box = await tab.boundingBox();
      expect([name, (box?.x ?? -1) >= 0, (box?.x ?? 0) + (box?.width ?? 0) <= 390]).toEqual([
        name,
        true,
        true,
      ]);
    }
  }
});
