import { describe, expect, it } from 'vitest';
import { press, rows, secondTab, statusOf, useAdministration } from '../support/browser.administration.js';
import { descriptionOf, namelessIn, shows } from '../support/browser.js';
import { fillLogin, letIn } from '../support/browser.person.js';
import { waitUntil } from '../support/stack.js';

const { stage, admin, database, newAccount, open, expectStatus, post } = useAdministration();
const nobody = '01980000-0000-7000-8000-000000000000';

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
  await open('/');
  await expectStatus('/admin/nowhere', 404);
  await expectStatus('/admin/orgs?search=%01', 400);
  await expectStatus('/admin/audit-events?type=user_disabled&actor=x', 400);
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
