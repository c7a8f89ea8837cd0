import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { namelessIn, overflowOf } from '../support/browser.js';
import { logInIn } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { OAuthApp } from '../support/oauth.app.js';
import { OryAdmin } from '../support/ory.admin.js';
import { newPerson, signUp } from '../support/person.js';
import { UserAgent } from '../support/user-agent.js';

const stage = useStage();
const words = 'An Exceptionally Long Name That Hardly Fits Anywhere At All Of Somebody-Or-Other';
const person = { ...newPerson(), name: `${words} ${'x'.repeat(60)}` };
let consent = '';

beforeAll(async () => {
  await signUp(new UserAgent(stage.stack.url), person);
  const redirectUri = 'https://calendar.example/back';
  const client = await new OryAdmin(stage.stack.env).createClient({
    client_name: `Calendar ${'and more '.repeat(9)}`,
    redirect_uris: [redirectUri],
  });
  consent = new OAuthApp(stage.stack.url, client, redirectUri).authorize({ audience: undefined }).path;
});

/** Relative luminance of a colour in `rgb()` notation (WCAG 2.2). */
function luminance(colour: string): number {
  const channels = colour.match(/[\d.]+/g)?.map(Number) ?? [];
  const [red = 0, green = 0, blue = 0] = channels.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** Each text with its colour and the ground that it stands on. */
async function textColours(page: Page): Promise<readonly (readonly [string, string, string])[]> {
  return page
    .locator('main :is(h1, h2, p, label, legend, dt, dd, a, button, code, span)')
    .evaluateAll((elements) =>
      elements
        .filter((element) => element.checkVisibility() && (element.textContent ?? '').trim() !== '')
        .map((element) => {
          let ground: Element | null = element;
          const backgroundOf = (node: Element) => getComputedStyle(node).backgroundColor;
          while (ground !== null && /^rgba\(.*, 0\)$/.test(backgroundOf(ground))) {
            ground = ground.parentElement;
          }
          return [
            (element.textContent ?? '').slice(0, 40),
            getComputedStyle(element).color,
            ground === null ? 'rgb(255, 255, 255)' : backgroundOf(ground),
          ] as const;
        }),
    );
}

const visitor = ['/', '/auth/login', '/auth/signup', '/ui/recovery', '/ui/verification', '/demo', '/nowhere'];
const member = ['/', '/ui/settings', '/ui/verification', '/demo', 'consent'];

async function look(paths: readonly string[]): Promise<void> {
  const { page, stack } = stage;
  // Colours are looked at, and not the moment between two of them.
  await page.emulateMedia({ reducedMotion: 'reduce' });
  for (const path of paths) {
    await page.goto(stack.url + (path === 'consent' ? consent : path));
    if (path === '/demo') {
      // Its script shows this button once it knows who is there.
      await page.locator('[data-action=me]').waitFor();
    }
    expect({ path, nameless: await namelessIn(page) }).toEqual({ path, nameless: [] });
    expect({ path, headings: await page.getByRole('heading', { level: 1 }).count() }).toEqual({
      path,
      headings: 1,
    });
    for (const width of [320, 768, 1280]) {
      await page.setViewportSize({ width, height: 720 });
      expect({ path, width, overflow: await overflowOf(page) }).toEqual({ path, width, overflow: 0 });
    }
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const faint = (await textColours(page)).filter(([, text, ground]) => contrast(text, ground) < 4.5);
      expect({ path, colorScheme, faint }).toEqual({ path, colorScheme, faint: [] });
    }
  }
}

describe('every page fits a window of 320, 768 and 1280 pixels, names what is on it, and has enough contrast', () => {
  it('for a visitor', async () => {
    await look(visitor);
    expect(stage.watch.violations).toEqual([]);
  });

  it('for somebody with a very long name', async () => {
    await logInIn(stage.page, stage.stack.url, person);
    await look(member);
    expect(stage.watch.violations).toEqual([]);
  });

  it('the API docs, which have styles of their own', async () => {
    const { page, stack } = stage;
    await page.goto(`${stack.url}/docs`);
    await page.locator('.opblock').first().waitFor();
    for (const width of [320, 768, 1280]) {
      await page.setViewportSize({ width, height: 720 });
      expect({ width, overflow: await overflowOf(page) }).toEqual({ width, overflow: 0 });
    }
  });
});
