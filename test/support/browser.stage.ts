import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject } from 'vitest';
import { BrowserWatch, closeContexts, sharedChromium } from './browser.js';
import { type Stack, type StackOptions, startStack } from './stack.js';

/** What the console says of an answer such as 404, which a test may want. */
const isStatus = (error: string): boolean => error.includes('Failed to load resource');

/** Milliseconds that a page may take for what a test waits for. */
const timeout = 60_000;

export interface StageOptions {
  readonly context?: BrowserContextOptions;
  readonly stack?: StackOptions;
}

/** What a browser test works with: the whole product, and a window that nobody has used before. */
export interface Stage {
  readonly stack: Stack;
  readonly page: Page;
  readonly watch: BrowserWatch;
  /** Origins besides the product's that this test's pages may ask. */
  readonly welcome: string[];
  /** What a script may fail with in this test, because that's what is tried. */
  readonly mishaps: RegExp[];
  /** A window of another person: nothing is shared with the first, and what is said here holds for it alone. */
  other(context?: BrowserContextOptions): Promise<Page>;
}

/**
 * Brings up the product and Chromium for one test file, and a fresh browser context for each of its tests. After each test
 * it holds that the security policy blocked nothing, that no script failed, and that no other host was asked for anything.
 */
export function useStage(options: StageOptions = {}): Stage {
  let stack: Stack;
  let browser: Browser;
  let page: Page;
  let watch: BrowserWatch;
  let welcome: string[] = [];
  let mishaps: RegExp[] = [];

  const open = async (own: BrowserContextOptions = {}): Promise<Page> => {
    const context = await browser.newContext({ ...options.context, ...own });
    context.setDefaultTimeout(timeout);
    return context.newPage();
  };

  beforeAll(async () => {
    [stack, browser] = await Promise.all([startStack(options.stack), sharedChromium(inject('chromiumPath'))]);
  });

  afterAll(async () => {
    await stack?.stop();
  });

  beforeEach(async () => {
    page = await open();
    watch = new BrowserWatch(page.context());
    welcome = [];
    mishaps = [];
  });

  afterEach(async () => {
    await closeContexts(browser);
    expect(watch.violations).toEqual([]);
    expect(
      watch.errors.filter((error) => !isStatus(error) && !mishaps.some((known) => known.test(error))),
    ).toEqual([]);
    expect(watch.origins().filter((origin) => origin !== stack.url && !welcome.includes(origin))).toEqual([]);
  });

  return {
    get stack() {
      return stack;
    },
    get page() {
      return page;
    },
    get watch() {
      return watch;
    },
    get welcome() {
      return welcome;
    },
    get mishaps() {
      return mishaps;
    },
    other: open,
  };
}
