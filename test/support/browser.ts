import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';

/** Starts Chromium so that it asks nobody for anything by itself. @param executablePath `inject('chromiumPath')`. @param own more options. */
export async function launchChromium(executablePath: string, own: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      // Components are asked for all the same, and what the fields of a form mean: at a port where nobody is.
      '--component-updater=url-source=http://127.0.0.1:9/',
      '--autofill-server-url=http://127.0.0.1:9/',
      '--disable-sync',
      ...own,
    ],
  });
}

let shared: Promise<Browser> | undefined;

/** The Chromium that this worker's test files share, one after the other; it ends with the worker. Not to be closed. */
export async function sharedChromium(executablePath: string): Promise<Browser> {
  const browser = await shared;
  if (browser?.isConnected() === true) {
    return browser;
  }
  shared = launchChromium(executablePath);
  return shared;
}

/** Closes what a test file opened in a browser that others use after it. */
export async function closeContexts(browser: Browser | undefined): Promise<void> {
  await Promise.all((browser?.contexts() ?? []).map((context) => context.close()));
}

/** What the pages of one browser context did besides showing something. */
export class BrowserWatch {
  /** Messages about what the content security policy blocked. */
  readonly violations: string[] = [];
  /** Errors in the console and uncaught ones, those about the policy included. */
  readonly errors: string[] = [];
  /** Address of each request, redirects included. */
  readonly urls: string[] = [];

  constructor(context: BrowserContext) {
    context.on('console', (message) => {
      const text = message.text();
      if (/content security policy|refused to/i.test(text)) {
        this.violations.push(`${message.location().url}: ${text}`);
      }
      if (message.type() === 'error') {
        this.errors.push(`${message.location().url}: ${text}`);
      }
    });
    context.on('weberror', (error) => this.errors.push(error.error().message));
    context.on('request', (request) => this.urls.push(request.url()));
  }

  /** Origins that were asked for anything, without those of addresses that hold their own content. */
  origins(): readonly string[] {
    const remote = this.urls.filter((url) => /^(?:https?|wss?):/.test(url));
    return [...new Set(remote.map((url) => new URL(url).origin))];
  }
}

/** Waits until something is on the page. @throws when it doesn't come. */
export async function shows(locator: Locator): Promise<boolean> {
  await locator.waitFor();
  return true;
}

/** Clicks what leads to another page, and waits until that is there. */
export async function follow(control: Locator): Promise<void> {
  await control.click();
  await control.page().waitForLoadState();
}

/** Pixels that the page is wider than its window. */
export async function overflowOf(page: Page): Promise<number> {
  const root = 'document.documentElement';
  return Number(await page.evaluate(`${root}.scrollWidth - ${root}.clientWidth`));
}

/** Lines of the page's accessibility tree about controls, links and pictures that have no name. */
export async function namelessIn(page: Page): Promise<readonly string[]> {
  const tree = await page.locator('body').ariaSnapshot();
  return tree
    .split('\n')
    .filter((line) => /- (?:textbox|checkbox|button|link|img|combobox|heading)(?! ")/.test(line));
}

/** What a screen reader says of a field besides its name: the text that `aria-describedby` ties to it. */
export async function descriptionOf(field: Locator): Promise<string> {
  const id = await field.getAttribute('aria-describedby');
  return id === null ? '' : field.page().locator(`[id="${id}"]`).innerText();
}

/** What a window asks for as pages and forms, in order: each is a round trip. Files of pages aren't counted. */
export function tripsOf(page: Page): string[] {
  const trips: string[] = [];
  page.on('request', (request) => {
    if (request.isNavigationRequest()) {
      trips.push(`${request.method()} ${new URL(request.url()).pathname}`);
    }
  });
  return trips;
}
