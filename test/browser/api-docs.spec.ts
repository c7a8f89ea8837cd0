import type { Locator } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { overflowOf, shows } from '../support/browser.js';
import { fillLogin, letIn } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { verifiedPerson } from '../support/browser.api.js';
import { OryAdmin } from '../support/ory.admin.js';
import { logIn, newPerson, type Person } from '../support/person.js';
import { UserAgent } from '../support/user-agent.js';

const stage = useStage();
const operationSchema = z.looseObject({ tags: z.array(z.string()) });
const documentSchema = z.looseObject({ paths: z.record(z.string(), z.record(z.string(), operationSchema)) });
const tokenSchema = z.looseObject({ access_token: z.string() });

let person: Person;

beforeAll(async () => {
  person = await verifiedPerson(stage.stack);
});

/** Lets the page have no other operations of the document than these: Swagger UI renders all of them for each click. */
async function showOnly(
  isWanted: (operation: z.output<typeof operationSchema>, path: string) => boolean,
): Promise<void> {
  const { page, stack } = stage;
  await page.route(`${stack.url}/docs/openapi.json`, async (route) => {
    const answer = await route.fetch();
    const document = documentSchema.parse(await answer.json());
    const paths = Object.entries(document.paths).map(([path, operations]) => [
      path,
      Object.fromEntries(Object.entries(operations).filter(([, operation]) => isWanted(operation, path))),
    ]);
    await route.fulfill({ response: answer, json: { ...document, paths: Object.fromEntries(paths) } });
  });
}

/** Where a live answer shows this status. */
const statusOf = (answer: Locator, status: number): Locator =>
  answer.locator('.response-col_status').filter({ hasText: new RegExp(`^\\s*${status}\\b`) });

/** Opens GET /api/v1/me and executes it. @returns the part that shows the live answer. */
async function executeMe(): Promise<Locator> {
  const operation = stage.page.locator('.opblock-get', {
    has: stage.page.locator('[data-path="/api/v1/me"]'),
  });
  if ((await operation.locator('.execute').count()) === 0) {
    await operation.locator('.opblock-summary-control').click();
  }
  await operation.getByRole('button', { name: 'Execute' }).click();
  const answer = operation.locator('.live-responses-table');
  await answer.waitFor();
  return answer;
}

it('shows every operation of the document, from this origin alone, without an error in the console, and fits windows of 320, 768 and 1280 pixels', async () => {
  const { page, stack, watch } = stage;
  const answer = await fetch(`${stack.url}/docs/openapi.json`);
  const { paths } = documentSchema.parse(await answer.json());
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(documented.length).toBeGreaterThan(5);

  await page.goto(`${stack.url}/docs?url=https://elsewhere.example/openapi.json`);
  await page.locator('.opblock').first().waitFor();
  const shown = await page.locator('.opblock').evaluateAll((blocks) =>
    blocks.map((block) => {
      const method = block.querySelector('.opblock-summary-method')?.textContent;
      return `${method} ${block.querySelector('[data-path]')?.getAttribute('data-path')}`;
    }),
  );
  expect(shown.toSorted()).toEqual(documented.toSorted());
  expect(watch.origins()).toEqual([stack.url]);
  expect(watch.errors).toEqual([]);
  for (const width of [320, 768, 1280]) {
    await page.setViewportSize({ width, height: 720 });
    expect({ width, overflow: await overflowOf(page) }).toEqual({ width, overflow: 0 });
  }
});

// Opening all of them takes Swagger UI minutes; that each can be resolved is what test/contract/extended/openapi-lint.spec.ts shows.
it('an operation of each group opens, ready to be executed, and answers as documented', async () => {
  const { page, stack } = stage;
  const somebody = newPerson();
  await new OryAdmin(stack.env).createPerson(somebody);
  await letIn(page, stack.url, somebody);
  const groups = new Set<string>();
  await showOnly(({ tags: [tag = ''] }) => {
    const isFirst = !groups.has(tag);
    groups.add(tag);
    return isFirst;
  });
  await page.goto(`${stack.url}/docs`);
  await page.locator('.opblock').first().waitFor();
  const executed: string[] = [];
  const strange: string[] = [];
  for (const operation of await page.locator('.opblock').all()) {
    const [group = ''] = ((await operation.getAttribute('id')) ?? '').split('-').slice(1);
    if (!executed.includes(group)) {
      executed.push(group);
      const summary = operation.locator('.opblock-summary-control');
      const name = await summary.innerText();
      await summary.click();
      const execute = operation.getByRole('button', { name: 'Execute' });
      await execute.waitFor();
      // The row of column names has such a cell at once, those of the answers come with the resolved operation.
      const statuses = operation.locator(
        '.responses-table:not(.live-responses-table) td.response-col_status',
      );
      await statuses.filter({ hasText: /^\d/ }).first().waitFor();
      for (const field of await operation.locator('.parameters tr:has(.required) input').all()) {
        // Only now: what stands in a field when the operation is resolved is lost. Examples of the document fill the rest in.
        await field.fill((await field.inputValue()) || crypto.randomUUID());
      }
      const documented = await statuses.allInnerTexts();
      await execute.click();
      const live = operation.locator('.live-responses-table .response-col_status').last();
      await live.waitFor();
      const status = (await live.innerText()).trim().split(/\s/)[0] ?? '';
      // Redirects are followed to a page.
      const isRedirected = status === '200' && documented.includes('302');
      strange.push(...(documented.includes(status) || isRedirected ? [] : [`${name}: ${status}`]));
      // Closed again: a page with all of them open takes seconds for each.
      await summary.click();
    }
  }
  expect(strange).toEqual([]);
  expect(executed.length).toBe(groups.size);
  expect(executed.length).toBeGreaterThan(6);
}, 600_000);

it('the form of POST /auth/token gives a bearer as it is, and that bearer, or an API key, in "Authorize" is enough without any cookie', async () => {
  const { page, stack } = stage;
  const agent = new UserAgent(stack.url);
  await logIn(agent, person);
  const created = await agent.post('/api/v1/api-keys', {
    name: 'Docs',
    scope: 'profile:read',
    expiresAt: null,
  });
  const { key } = z.looseObject({ key: z.string() }).parse(created.json());
  await letIn(page, stack.url, person);
  const wanted = new Set(['/auth/token', '/api/v1/users', '/api/v1/me']);
  await showOnly((_operation, path) => wanted.has(path));
  await page.goto(`${stack.url}/docs`);
  const opened = async (method: string, path: string): Promise<Locator> => {
    const operation = page.locator(`.opblock-${method}`, { has: page.locator(`[data-path="${path}"]`) });
    await operation.locator('.opblock-summary-control').click();
    await operation.getByRole('button', { name: 'Execute' }).waitFor();
    return operation;
  };
  const exchange = await opened('post', '/auth/token');
  expect(await exchange.locator('tr[data-property-name="scope"] input[type=text]').inputValue()).toBe('');
  const exchanged = page.waitForResponse(`${stack.url}/auth/token`);
  await exchange.getByRole('button', { name: 'Execute' }).click();
  const answer = exchange.locator('.live-responses-table');
  await answer.waitFor();
  expect(await answer.locator('.response-col_status').last().innerText()).toContain('200');
  expect(await answer.innerText()).toContain('access_token');
  const { access_token: bearer } = tokenSchema.parse(await (await exchanged).json());

  const users = await opened('get', '/api/v1/users');
  expect(await users.locator('tr[data-param-name="search"] input').first().inputValue()).toBe('');

  await page.context().clearCookies();
  expect(await (await executeMe()).innerText()).toContain('401');
  for (const [field, value] of [
    ['[aria-label=auth-bearer-value]', bearer],
    ['#api_key_value, [aria-label=auth-api-key-value]', key],
  ] as const) {
    await page.getByRole('button', { name: 'Authorize' }).first().click();
    const dialog = page.locator('.modal-ux');
    await dialog.locator(field).last().fill(value);
    await dialog.locator(field).last().press('Enter');
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    const me = await executeMe();
    expect(await shows(statusOf(me, 200))).toBe(true);
    expect(await me.innerText()).toContain(person.email);
    expect(await page.context().cookies()).toEqual([]);
    await page.getByRole('button', { name: 'Authorize' }).first().click();
    await dialog.getByRole('button', { name: 'Remove authorization' }).click();
    await dialog.getByRole('button', { name: 'Close' }).last().click();
    await executeMe();
    expect(await shows(statusOf(me, 401))).toBe(true);
  }
});

it('a link leads to one operation, in the dark scheme; from there "Log in" goes through the real login and comes back; GET /api/v1/me then answers; "Log out" ends it', async () => {
  const { page, stack, watch } = stage;
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.goto(`${stack.url}/docs#/users/usersList`);
  expect(await shows(page.locator('#operations-users-usersList.is-open'))).toBe(true);
  const luminance = await page
    .locator('body')
    .evaluate((body) => Number(/\d+/.exec(getComputedStyle(body).backgroundColor)?.[0]));
  expect(luminance).toBeLessThan(60);

  await page.getByText('Not logged in').waitFor();
  await page.getByRole('link', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  await fillLogin(page, person);
  await page.waitForURL(`${stack.url}/docs`);
  await page.getByText(`Logged in as ${person.name}`).waitFor();

  const answer = await executeMe();
  expect(await answer.locator('.response-col_status').last().innerText()).toContain('200');
  expect(await answer.innerText()).toContain(person.email);
  expect(watch.errors).toEqual([]);

  await page.getByRole('button', { name: 'Log out', exact: true }).click();
  await page.getByText('Not logged in').waitFor();
  expect(await page.getByRole('link', { name: 'Log in' }).isVisible()).toBe(true);
  expect((await page.request.get(`${stack.url}/auth/session`)).status()).toBe(401);
  await executeMe();
  expect(await shows(statusOf(answer, 401))).toBe(true);
});
