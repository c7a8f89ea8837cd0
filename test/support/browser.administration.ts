import type { Locator, Page } from 'playwright-core';
import { beforeAll, expect } from 'vitest';
import { Database } from '../../src/platform/database/database.schema.js';
import { follow } from './browser.js';
import { letIn } from './browser.person.js';
import { type Stage, useStage } from './browser.stage.js';
import { OryAdmin } from './ory.admin.js';
import { type Person, logIn, newPerson, signUp } from './person.js';
import { UserAgent } from './user-agent.js';

/** Somebody who has logged in once. */
interface Account extends Person {
  readonly id: string;
}

/** What tests of the administration's pages work with. */
interface Administration {
  readonly stage: Stage;
  readonly admin: Person;
  database(): Database['query'];
  newAccount(): Promise<Account>;
  /** Logs in as the administrator and opens a page. */
  open(path: string): Promise<Page>;
  expectStatus(path: string, status: number): Promise<void>;
  /** Sends a form that no page offers, with the window's cookies. */
  post(path: string, form?: Readonly<Record<string, string>>): ReturnType<Page['request']['post']>;
}

/** Brings up the product with an administrator, whose browser runs no scripts. */
export function useAdministration(): Administration {
  const stage = useStage({ context: { javaScriptEnabled: false } });
  const admin = newPerson();
  const database = (): Database['query'] => stage.stack.app().get(Database, { strict: false }).query;

  beforeAll(async () => {
    // Administrators are users with a verified address.
    await new OryAdmin(stage.stack.env).createPerson(admin, { isVerified: true });
    await logIn(new UserAgent(stage.stack.url), admin);
    await database().updateTable('users').set({ role: 'admin' }).where('email', '=', admin.email).execute();
  });

  return {
    stage,
    admin,
    database,
    newAccount: async () => {
      const person = newPerson();
      await signUp(new UserAgent(stage.stack.url), person);
      const { id } = await database()
        .selectFrom('users')
        .select('id')
        .where('email', '=', person.email)
        .executeTakeFirstOrThrow();
      return { ...person, id };
    },
    open: async (path) => {
      const { page, stack } = stage;
      await letIn(page, stack.url, admin);
      await page.goto(stack.url + path);
      return page;
    },
    expectStatus: async (path, status) => {
      const answer = await stage.page.goto(stage.stack.url + path);
      expect({ path, status: answer?.status() }).toEqual({ path, status });
    },
    post: async (path, form = {}) =>
      stage.page.request.post(stage.stack.url + path, {
        form,
        headers: { accept: 'text/html', origin: stage.stack.url },
        maxRedirects: 0,
      }),
  };
}

/** The same page in a second tab, as it is now. */
export async function secondTab(page: Page): Promise<Page> {
  const tab = await page.context().newPage();
  await tab.goto(page.url());
  return tab;
}

export const statusOf = (page: Page): Promise<string> => page.getByRole('status').innerText();
export const rows = (page: Page): Locator =>
  page
    .getByRole('table')
    .getByRole('row')
    .filter({ hasNot: page.getByRole('columnheader') });

export async function press(page: Page, name: string): Promise<void> {
  await follow(page.getByRole('main').getByRole('button', { name, exact: true }));
}
