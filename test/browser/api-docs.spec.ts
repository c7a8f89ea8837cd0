import type { Locator } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { shows } from '../support/browser.js';
import { fillLogin, logInIn } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { verifiedPerson } from '../support/browser.api.js';
import { logIn, newPerson, type Person, signUp } from '../support/person.js';
import { UserAgent } from '../support/user-agent.js';

const stage = useStage();
const documentSchema = z.looseObject({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) });
const tokenSchema = z.looseObject({ access_token: z.string() });

let person: Person;

beforeAll(async () => {
  person = await verifiedPerson(stage.stack);
});

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

it('shows every operation of the document, from this origin alone, without an error in the console', async () => {
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
});

it(
  'every operation opens, ready to be executed; one of each group is, and answers as documented',
  { timeout: 600_000 },
  async () => {
    const { page, stack } = stage;
    const somebody = newPerson();
    await signUp(new UserAgent(stack.url), somebody);
    await logInIn(page, stack.url, somebody);
    await page.goto(`${stack.url}/docs`);
    await page.locator('.opblock').first().waitFor();
    const executed: string[] = [];
    const strange: string[] = [];
    for (const operation of await page.locator('.opblock').all()) {
      const summary = operation.locator('.opblock-summary-control');
      const name = await summary.innerText();
      const [group = ''] = ((await operation.getAttribute('id')) ?? '').split('-').slice(1);
      await summary.click();
      const execute = operation.getByRole('button', { name: 'Execute' });
      expect(await shows(execute)).toBe(true);
      if (!executed.includes(group)) {
        executed.push(group);
        for (const field of await operation.locator('.parameters tr:has(.required) input').all()) {
          // Examples of the document fill the rest in.
          await field.fill((await field.inputValue()) || crypto.randomUUID());
        }
        // The row of column names has such a cell at once, those of the answers come with the resolved operation.
        const statuses = operation.locator(
          '.responses-table:not(.live-responses-table) td.response-col_status',
        );
        await statuses.filter({ hasText: /^\d/ }).first().waitFor();
        const documented = await statuses.allInnerTexts();
        await execute.click();
        const live = operation.locator('.live-responses-table .response-col_status').last();
        await live.waitFor();
        const status = (await live.innerText()).trim().split(/\s/)[0] ?? '';
        // Redirects are followed to a page.
        const isRedirected = status === '200' && documented.includes('302');
        strange.push(...(documented.includes(status) || isRedirected ? [] : [`${name}: ${status}`]));
      }
      // Closed again: a page with all of them open takes seconds for each.
      await summary.click();
    }
    expect(strange).toEqual([]);
    expect(executed.length).toBeGreaterThan(6);
  },
);

it('the form of POST /auth/token is filled in so that it gives a bearer as it is; no search is filled in', async () => {
  const { page, stack } = stage;
  await logInIn(page, stack.url, person);
  await page.goto(`${stack.url}/docs`);
  const opened = async (method: string, path: string): Promise<Locator> => {
    const operation = page.locator(`.opblock-${method}`, { has: page.locator(`[data-path="${path}"]`) });
    await operation.locator('.opblock-summary-control').click();
    await operation.getByRole('button', { name: 'Execute' }).waitFor();
    return operation;
  };
  const exchange = await opened('post', '/auth/token');
  expect(await exchange.locator('tr[data-property-name="scope"] input[type=text]').inputValue()).toBe('');
  await exchange.getByRole('button', { name: 'Execute' }).click();
  const answer = exchange.locator('.live-responses-table');
  await answer.waitFor();
  expect(await answer.locator('.response-col_status').last().innerText()).toContain('200');
  expect(await answer.innerText()).toContain('access_token');

  const users = await opened('get', '/api/v1/users');
  expect(await users.locator('tr[data-param-name="search"] input').first().inputValue()).toBe('');
});

it('a link leads to one operation, and the dark scheme is followed', async () => {
  const { page, stack, watch } = stage;
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.goto(`${stack.url}/docs#/users/usersList`);
  expect(await shows(page.locator('#operations-users-usersList.is-open'))).toBe(true);
  const luminance = await page
    .locator('body')
    .evaluate((body) => Number(/\d+/.exec(getComputedStyle(body).backgroundColor)?.[0]));
  expect(luminance).toBeLessThan(60);
  expect(watch.errors).toEqual([]);
});

it('an API key that was pasted into "Authorize" is enough, without any cookie', async () => {
  const { page, stack } = stage;
  const agent = new UserAgent(stack.url);
  const owner = await verifiedPerson(stack);
  await logIn(agent, owner);
  const created = await agent.post('/api/v1/api-keys', {
    name: 'Docs',
    scope: 'profile:read',
    expiresAt: null,
  });
  const { key } = z.looseObject({ key: z.string() }).parse(created.json());
  await page.goto(`${stack.url}/docs`);
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  const dialog = page.locator('.modal-ux');
  const field = dialog.locator('#api_key_value, [aria-label=auth-api-key-value]').last();
  await field.fill(key);
  await field.press('Enter');
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  const answer = await executeMe();
  expect(await answer.locator('.response-col_status').last().innerText()).toContain('200');
  expect(await answer.innerText()).toContain(owner.email);
});

it('"Log in" goes through the real login and comes back; GET /api/v1/me then answers; "Log out" ends it', async () => {
  const { page, stack, watch } = stage;
  await page.goto(`${stack.url}/docs`);
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
  await page.reload();
  await page.getByText('Not logged in').waitFor();
  expect(await (await executeMe()).innerText()).toContain('401');
});

it('a bearer that was pasted into "Authorize" is enough, without any cookie', async () => {
  const { page, stack } = stage;
  await logInIn(page, stack.url, person);
  const token = await page.evaluate(async () => {
    const answer = await fetch('/auth/token', {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token_type: 'urn:vestibule:params:oauth:token-type:session',
      }),
    });
    const body: unknown = await answer.json();
    return body;
  });
  await page.context().clearCookies();
  await page.goto(`${stack.url}/docs`);
  await page.getByText('Not logged in').waitFor();
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  const dialog = page.locator('.modal-ux');
  const field = dialog.getByLabel('auth-bearer-value');
  await field.fill(tokenSchema.parse(token).access_token);
  await field.press('Enter');
  await dialog.getByRole('button', { name: 'Close' }).last().click();

  const answer = await executeMe();
  expect(await answer.locator('.response-col_status').last().innerText()).toContain('200');
  expect(await answer.innerText()).toContain(person.email);
  expect(await page.context().cookies()).toEqual([]);
});
