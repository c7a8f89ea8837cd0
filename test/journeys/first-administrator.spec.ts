import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { closeContexts, sharedChromium } from '../support/browser.js';
import { newSecret } from '../support/gateway.js';
import { startOpenIdSide } from '../support/openid.driver.js';
import type { Member, ProviderSide } from '../support/provider.driver.js';
import { timeout } from './journey.js';
import { type RunningStart, checkout, ownEnvironment, startVestibule } from './started.vestibule.js';

let browser: Browser;

beforeAll(async () => {
  browser = await sharedChromium(inject('chromiumPath'));
});

afterAll(async () => {
  await closeContexts(browser);
});

interface Deployment {
  readonly side: ProviderSide;
  start(more?: Readonly<Record<string, string>>): Promise<void>;
  vestibule(...args: readonly string[]): Promise<{ readonly code: number; readonly text: string }>;
  logIn(member: Member): Promise<Page>;
}

/** What each test of a block starts a Vestibule with. */
function useProvider(name: 'oidc' | 'auth0'): Deployment {
  let folder: string;
  let side: ProviderSide;
  let env: Record<string, string>;
  let running: RunningStart | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vestibule-first-'));
    const [port] = await findFreePorts(1);
    const url = `http://localhost:${port}`;
    side = await startOpenIdSide(name, url);
    env = {
      ...ownEnvironment(),
      ...side.env,
      PORT: String(port),
      PUBLIC_URL: url,
      DATA_DIR: folder,
      SECRETS: newSecret(),
    };
  });

  afterEach(async () => {
    await running?.stop();
    running = undefined;
    await side?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Not by `spawnSync`: the provider is in this process, and the doctor asks it. */
  async function vestibule(
    ...args: readonly string[]
  ): Promise<{ readonly code: number; readonly text: string }> {
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        ['dist/cli/main.js', ...args],
        { cwd: checkout, env },
        (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : Number(error.code), text: stdout + stderr }),
      );
    });
  }

  async function logIn(member: Member): Promise<Page> {
    const context = await browser.newContext();
    context.setDefaultTimeout(timeout);
    await context.route('https://pictures.example.org/**', (route) => route.abort());
    const page = await context.newPage();
    await page.goto(running?.url ?? '');
    await page.getByRole('main').getByRole('link', { name: 'Log in' }).click();
    for (const [field, value] of Object.entries(member.credentials)) {
      await page.locator(`input[name="${field}"]`).fill(value);
    }
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: member.name }).waitFor();
    return page;
  }

  return {
    get side() {
      return side;
    },
    start: async (more = {}) => {
      running = await startVestibule({ ...env, ...more });
    },
    vestibule,
    logIn,
  };
}

const administration = (page: Page) => page.getByRole('link', { name: 'Administration' });

describe.each(['oidc', 'auth0'] as const)('a deployment with %s', (name) => {
  const deployment = useProvider(name);

  it(
    'has its first administrator when the owner of ADMIN_EMAIL logs in with it, verified; the doctor reported that there was none',
    async () => {
      const owner = await deployment.side.enrol({ email: 'owner@example.org' });
      const impostor = await deployment.side.enrol({ email: 'owner@example.org', emailVerified: false });
      await deployment.start({ ADMIN_EMAIL: 'Owner@example.org' });
      expect((await deployment.vestibule('doctor')).text).toContain('administrator_none');

      const theirs = await deployment.logIn(impostor);
      expect(await administration(theirs).count()).toBe(0);

      const page = await deployment.logIn(owner);
      await administration(page).click();
      await page.getByRole('link', { name: 'Audit events' }).click();
      await page.getByRole('row').filter({ hasText: 'First administrator created' }).waitFor();
      expect((await deployment.vestibule('doctor')).text).not.toContain('administrator_none');
      await theirs.reload();
      expect(await administration(theirs).count()).toBe(0);
    },
    4 * timeout,
  );
});

describe('a deployment with oidc', () => {
  const deployment = useProvider('oidc');

  it(
    'has its first administrator by `vestibule users promote`, at that user’s next click',
    async () => {
      const member = await deployment.side.enrol();
      await deployment.start();
      expect(await deployment.vestibule('users', 'promote', member.email)).toEqual({
        code: 1,
        text: 'No user has this address, verified. They must log in once; or name them by their id.\n',
      });
      const page = await deployment.logIn(member);
      expect(await administration(page).count()).toBe(0);

      expect(await deployment.vestibule('users', 'promote', member.email)).toEqual({
        code: 0,
        text: 'The user is an administrator now.\n',
      });
      await expect
        .poll(
          async () => {
            await page.reload();
            return administration(page).count();
          },
          { timeout: timeout },
        )
        .toBe(1);
      await administration(page).click();
      await page.getByRole('link', { name: 'Audit events' }).waitFor();
    },
    4 * timeout,
  );
});
