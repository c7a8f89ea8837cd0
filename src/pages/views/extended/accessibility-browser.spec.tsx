import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { ComponentChild } from 'preact';
import { type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { axeViolations } from '../../../../test/support/axe.js';
import { launchChromium, overflowOf } from '../../../../test/support/browser.js';
import { flowLinks, renderView } from '../../../../test/support/page.frame.js';
import { AssetStore } from '../../asset.store.js';
import { parseFlow } from '../../flow.parser.js';
import { FLOW_KINDS } from '../flow-plan.js';
import { FlowPage } from '../flow.view.js';
import { WelcomePage } from '../welcome.view.js';

/** Every page and every state of a flow that was recorded from a real Kratos, in both languages and both schemes. */
const folder = new URL('../../../../test/support/recorded-flows/', import.meta.url);
const flows = readdirSync(folder).map((file): readonly [string, ComponentChild] => {
  const name = file.replace('.json', '');
  const kind = FLOW_KINDS.find((known) => name.startsWith(known)) ?? 'login';
  const flow = parseFlow(JSON.parse(readFileSync(new URL(file, folder), 'utf8')));
  return [name, <FlowPage kind={kind} flow={flow} links={flowLinks} />];
});
const store = new AssetStore(undefined);
let html = '';
let server: Server;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  server = createServer((request, response) => {
    const asset = store.find((request.url ?? '').replace('/assets/', ''));
    response.setHeader('content-type', asset?.type ?? 'text/html; charset=utf-8');
    response.end(asset?.body ?? html);
  }).listen(0, '127.0.0.1');
  browser = await launchChromium(inject('chromiumPath'));
  page = await browser.newPage();
  await page.emulateMedia({ reducedMotion: 'reduce' });
});

afterAll(async () => {
  await browser?.close();
  server?.close();
});

/** Accessibility violations of a view in both colour schemes, and its overflow at three widths. Empty if there are none. */
async function look(view: ComponentChild, language: string): Promise<readonly unknown[]> {
  const wrong: unknown[] = [];
  const { port = 0 } = Object(server.address());
  html = renderView(
    view,
    { assets: store.addresses, user: { name: 'Ada', email: 'ada@example.org', isAdmin: true } },
    language,
  );
  await page.goto(`http://127.0.0.1:${String(port)}/`);
  for (const details of await page.locator('details').all()) {
    await details.evaluate((element) => element.setAttribute('open', ''));
  }
  for (const [colorScheme, about] of [
    ['light', 'everything'],
    ['dark', 'colours'],
  ] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    wrong.push(...(await axeViolations(page, about)).map((found) => ({ colorScheme, found })));
  }
  for (const width of [320, 768, 1280]) {
    await page.setViewportSize({ width, height: 720 });
    const overflow = await overflowOf(page);
    wrong.push(...(overflow === 0 ? [] : [{ width, overflow }]));
  }
  return wrong;
}

describe.each(['en', 'de'])('in %s, axe finds nothing wrong and everything fits', (language) => {
  it.each(flows)('%s', async (_name, view) => {
    expect(await look(view, language)).toEqual([]);
  });
});

it('axe finds what is planted', async () => {
  expect(await look(<WelcomePage demo />, 'en')).toEqual([]);
  await page.locator('h1').evaluate((element) => element.insertAdjacentHTML('afterend', '<button></button>'));
  expect(await axeViolations(page)).toEqual([expect.stringMatching(/^button-name: /)]);
});
