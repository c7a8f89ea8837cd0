import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../src/platform/database/database.schema.js';
import { socialProviders } from '../../src/platform/config/social-providers.parser.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { BrowserWatch, closeContexts, sharedChromium } from '../support/browser.js';
import { letIn, logOutIn, signUpIn, openSection } from '../support/browser.person.js';
import { newAccount } from '../support/openid.accounts.js';
import { type OpenIdProvider, startOpenIdProvider } from '../support/openid.provider.js';
import { Mailbox } from '../support/mailbox.js';
import { OryAdmin } from '../support/ory.admin.js';
import { logIn, newPerson } from '../support/person.js';
import { enrolTotp } from '../support/second.factor.js';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

let browser: Browser;
let context: BrowserContext;
let page: Page;
let watch: BrowserWatch;

beforeAll(async () => {
  browser = await sharedChromium(inject('chromiumPath'));
});

afterAll(async () => {
  await closeContexts(browser);
});

beforeEach(async () => {
  context = await browser.newContext({ javaScriptEnabled: false });
  watch = new BrowserWatch(context);
  page = await context.newPage();
  page.setDefaultTimeout(60_000);
});

afterEach(async () => {
  await context.close();
  expect(watch.violations).toEqual([]);
});

describe('third-party login through Kratos', () => {
  const verified = newAccount({ picture: 'https://pictures.example.org/ada.png' });
  const unverified = newAccount({ email_verified: false });
  let provider: OpenIdProvider;
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({
      socialProviders: async (origin) => {
        const [port = 0] = await findFreePorts(1);
        provider = await startOpenIdProvider({
          flavour: 'plain',
          port,
          audience: 'unused',
          accounts: [verified, unverified],
          clients: [
            {
              client_id: 'kratos',
              client_secret: 'a-secret-of-this-test-alone',
              redirect_uris: [`${origin}/ory/kratos/self-service/methods/oidc/callback`],
            },
          ],
        });
        return socialProviders.parse(
          JSON.stringify([
            {
              id: 'stand-in',
              provider: 'generic',
              label: 'Stand-in',
              client_id: 'kratos',
              client_secret: 'a-secret-of-this-test-alone',
              issuer_url: provider.issuer,
              claims_source: 'userinfo',
              pkce: 'force',
            },
          ]),
        );
      },
    });
  });

  afterAll(async () => {
    await stack?.stop();
    await provider?.stop();
  });

  const logInAtProvider = async (subject: string): Promise<void> => {
    await page.waitForURL((url) => url.origin === provider.origin);
    await page.getByLabel('E-mail').fill(subject);
    await page.getByRole('button', { name: 'Log in' }).click();
  };

  it('a button on the login page leads there and back, without JavaScript; name, picture and address arrive', async () => {
    await page.goto(`${stack.url}/auth/login`);
    await page.getByRole('button', { name: /Stand-in/ }).click();
    await logInAtProvider(verified.sub);
    await page.waitForURL(`${stack.url}/`);
    await page.getByRole('heading', { name: verified.name }).waitFor();
    expect(await page.getByRole('main').locator(`img[src="${verified.picture}"]`).count()).toBe(1);
    expect(await page.getByText('Not verified').count()).toBe(0);
    await logOutIn(page);
    expect(provider.seen.some(({ query }) => query.get('code_challenge_method') === 'S256')).toBe(true);
  });

  it('an address that the provider has not verified is not taken over: Kratos asks for one', async () => {
    await page.goto(`${stack.url}/auth/login`);
    await page.getByRole('button', { name: /Stand-in/ }).click();
    await logInAtProvider(unverified.sub);
    await page.getByRole('heading', { name: 'Create your account' }).waitFor();
    expect(await page.getByLabel('E-mail').inputValue()).toBe('');
  });

  it('an account with a password links the provider in its settings, is told by mail, saves them again, and then logs in with it', async () => {
    const account = newAccount();
    provider.add(account);
    const person = newPerson();
    await new OryAdmin(stack.env).createPerson(person, { isVerified: true });
    await letIn(page, stack.url, person);
    await page.goto(stack.url);
    await page.getByRole('link', { name: 'Settings' }).click();
    await openSection(page, 'Linked accounts');
    await page.getByRole('button', { name: /Stand-in/ }).click();
    await logInAtProvider(account.sub);
    await page.waitForURL(/\/ui\/settings/);
    await new Mailbox(stack).next(person.email, /Another login opens your account/);
    await page.goto(`${stack.url}/ui/settings`);
    await page.locator('[name="traits.name"]').fill(`${person.name} II`);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Your profile has been saved').waitFor();
    await page.goto(`${stack.url}/`);
    await logOutIn(page);
    await page.goto(`${stack.url}/auth/login`);
    await page.getByRole('button', { name: /Stand-in/ }).click();
    await page.waitForURL(`${stack.url}/`);
    await page.getByRole('heading', { name: `${person.name} II` }).waitFor();
    expect(await page.getByText(person.email).count()).toBeGreaterThan(0);
  });

  it.each(['the password', 'the password, before the second step'])(
    'one that somebody links at a login to an account of which they know %s is told and audited',
    async (knows) => {
      const account = newAccount({ email_verified: false });
      provider.add(account);
      const person = newPerson();
      await new OryAdmin(stack.env).createPerson(person, { isVerified: true });
      const owner = new UserAgent(stack.url);
      await logIn(owner, person);
      const { user } = z
        .looseObject({ user: z.looseObject({ id: z.string() }) })
        .parse((await owner.fetch('/auth/session')).json());
      if (knows !== 'the password') {
        await enrolTotp(owner);
      }
      await page.goto(`${stack.url}/auth/login`);
      await page.getByRole('button', { name: /Stand-in/ }).click();
      await logInAtProvider(account.sub);
      await page.getByRole('heading', { name: 'Create your account' }).waitFor();
      await page.getByLabel('E-mail').fill(person.email);
      await page.getByRole('main').locator('button[type=submit]').first().click();
      await page.locator('[name=password]').fill(person.password);
      await page.locator('[name=method][value=password]').click();
      if (knows === 'the password') {
        await page.waitForURL(`${stack.url}/`);
      } else {
        await page.locator('[name=totp_code]').waitFor();
      }
      await new Mailbox(stack).next(person.email, /Another login opens your account/);
      const events = stack
        .app()
        .get(Database, { strict: false })
        .query.selectFrom('audit_events')
        .select(['reason', 'actor_id', 'outcome'])
        .where('type', '=', 'login_linked')
        .where('user_id', '=', user.id);
      await expect
        .poll(async () => events.execute())
        .toEqual([{ reason: 'login', actor_id: user.id, outcome: 'success' }]);
    },
  );
});

describe('without a third-party login configured', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack();
  });

  afterAll(async () => {
    await stack?.stop();
  });

  it('nothing of it shows on the login, registration and settings pages', async () => {
    for (const path of ['/auth/login', '/auth/signup']) {
      await page.goto(stack.url + path);
      expect(await page.getByRole('main').locator('button[type=submit]').count()).toBe(1);
    }
    await signUpIn(page, stack.url, newPerson());
    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect(await page.getByText(/linked|provider/i).count()).toBe(0);
  });
});
