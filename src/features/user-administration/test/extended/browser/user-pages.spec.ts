import type { Locator, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { axeViolations } from '../../../../../../test/support/axe.js';
import {
  press,
  rows,
  secondTab,
  statusOf,
  useAdministration,
} from '../../../../../../test/support/browser.administration.js';
import {
  descriptionOf,
  follow,
  namelessIn,
  overflowOf,
  shows,
} from '../../../../../../test/support/browser.js';
import { fillLogin, letIn, logInIn } from '../../../../../../test/support/browser.person.js';
import { Mailbox } from '../../../../../../test/support/mailbox.js';
import { OryAdmin } from '../../../../../../test/support/ory.admin.js';
import { logIn, newPerson } from '../../../../../../test/support/person.js';
import { enrolTotp } from '../../../../../../test/support/second.factor.js';
import { waitUntil } from '../../../../../../test/support/stack.js';
import { UserAgent } from '../../../../../../test/support/user-agent.js';
import { keyOf } from '../../../../../../test/support/world.js';

const { stage, admin, database, newAccount, open, expectStatus, post } = useAdministration();
const nobody = '01980000-0000-7000-8000-000000000000';

const part = (page: Page, name: string): Locator => page.getByRole('article', { name, exact: true });

async function expectLoggedOut(page: Page): Promise<void> {
  await page.goto(stage.stack.url);
  expect(await shows(page.getByRole('heading', { name: 'Welcome' }))).toBe(true);
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

it('who is not there has the 404 page', async () => {
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
  await expectStatus('/admin/users?cursor=x', 400);
  const answer = await post(`/admin/users/${person.id}/role`, { role: 'emperor' });
  expect(answer.status()).toBe(400);
});
