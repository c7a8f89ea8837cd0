import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** Rules of WCAG 2.2 A and AA, and axe's best practices. */
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice'];

/** Those of them that look at colours. */
const colourRules = ['color-contrast', 'link-in-text-block'];

/**
 * What axe finds wrong with the page that is open, in the colours that it has now: `rule: element`, one a line.
 * @param about `colours`: nothing else, for a page that was looked at in others.
 * @throws when axe looked at nothing.
 */
export async function axeViolations(
  page: Page,
  about: 'everything' | 'colours' = 'everything',
): Promise<readonly string[]> {
  if ((await page.evaluate('typeof window.axe')) === 'undefined') {
    await page.evaluate(axe.source);
  }
  const runOnly = about === 'colours' ? { type: 'rule', values: colourRules } : rules;
  const result: unknown = await page.evaluate(
    `axe.run(document, { runOnly: ${JSON.stringify(runOnly)}, resultTypes: ['violations'] })
      .then(({ violations, passes }) => ({
        passed: passes.length,
        found: violations.flatMap(({ id, nodes }) => nodes.map(({ html, any }) =>
          id + ': ' + html.slice(0, 160) + ' ' + any.map(({ message }) => message).join(' '))),
      }))`,
  );
  const { passed, found } = Object(result);
  if (typeof passed !== 'number' || passed < (about === 'colours' ? 1 : 5) || !Array.isArray(found)) {
    throw new Error('axe did not look at the page');
  }
  return found.map(String);
}
