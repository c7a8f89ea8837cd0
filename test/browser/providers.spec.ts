import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { BrowserWatch, closeContexts, sharedChromium } from '../support/browser.js';
import { providerDrivers } from '../support/contract.suite.js';
import {
  type GatewaySite,
  newGatewaySite,
  type RunningGateway,
  runGateway,
} from '../support/gateway.runner.js';
import { type Member, providerNames, type ProviderSide } from '../support/provider.driver.js';

/** One red pixel. */
const picture = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
  'base64',
);

let browser: Browser;

beforeAll(async () => {
  browser = await sharedChromium(inject('chromiumPath'));
});

afterAll(async () => {
  await closeContexts(browser);
});

describe.each(providerNames)('in a browser, with the provider %s', (name) => {
  let site: GatewaySite;
  let side: ProviderSide;
  let gateway: RunningGateway;
  let context: BrowserContext;
  let page: Page;
  let watch: BrowserWatch;

  beforeAll(async () => {
    site = await newGatewaySite();
    side = await providerDrivers[name](site.url);
    gateway = await runGateway(site, side.env);
  });

  afterAll(async () => {
    await gateway?.stop();
    await side?.stop();
    await site?.remove();
  });

  beforeEach(async () => {
    context = await browser.newContext();
    // Where the provider keeps the pictures of people: the only host that isn't there.
    await context.route('https://pictures.example.org/**', (route) =>
      route.fulfill({ contentType: 'image/png', body: picture }),
    );
    watch = new BrowserWatch(context);
    page = await context.newPage();
    page.setDefaultTimeout(60_000);
  });

  afterEach(async () => {
    await context.close();
    expect(watch.violations).toEqual([]);
  });

  async function logIn(member: Member): Promise<void> {
    await page.goto(site.url);
    await page.getByRole('main').getByRole('link', { name: 'Log in' }).click();
    for (const [field, value] of Object.entries(member.credentials)) {
      await page.locator(`input[name="${field}"]`).fill(value);
    }
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: member.name }).waitFor();
  }

  it('a login shows name, address and profile picture on the account page; a logout by the button ends here and at the provider: the next login asks again', async () => {
    const member = await side.enrol();
    await logIn(member);
    expect(page.url()).toBe(`${site.url}/`);
    expect(await page.getByRole('main').innerText()).toContain(member.email);
    const avatar = page.locator('main .avatar img');
    expect(await avatar.getAttribute('src')).toBe(member.picture);
    const image = "document.querySelector('main .avatar img')";
    const loaded = await page.evaluate(`${image}.decode().then(() => ${image}.naturalWidth)`);
    expect(loaded).toBe(1);

    await page.getByRole('main').getByRole('button', { name: 'Log out', exact: true }).click();
    if (name === 'oidc') {
      // RP-Initiated Logout 1.0 section 2: the provider should ask, as nothing tells it who wants to.
      await page.waitForURL((url) => url.origin !== site.url);
      await page.getByRole('button', { name: 'Log out', exact: true }).click();
    }
    await page.getByRole('heading', { name: 'Welcome' }).waitFor();
    expect(page.url()).toBe(`${site.url}/`);
    const cookies = await context.cookies(site.url);
    expect(cookies.filter((cookie) => cookie.name === 'vestibule')).toEqual([]);
    await logIn(member);
    expect(page.url()).toBe(`${site.url}/`);
  });
});
