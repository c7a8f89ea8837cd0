import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** Rules of WCAG 2.2 A and AA, and axe's best practices. */
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice'];

/**
 * What axe finds wrong with the page that is open, in the colours that it has now: `rule: element`, one a line.
 * @throws when axe looked at nothing.
 */
export async function axeViolations(page: Page): Promise<readonly string[]> {
  const result: unknown = await page.evaluate(
    `${axe.source};axe.run(document, { runOnly: ${JSON.stringify(rules)}, resultTypes: ['violations'] })
      .then(({ violations, passes }) => ({
        passed: passes.length,
        found: violations.flatMap(({ id, nodes }) => nodes.map(({ html, any }) =>
          id + ': ' + html.slice(0, 160) + ' ' + any.map(({ message }) => message).join(' '))),
      }))`,
  );
  const { passed, found } = Object(result);
  if (typeof passed !== 'number' || passed < 5 || !Array.isArray(found)) {
    throw new Error('axe did not look at the page');
  }
  return found.map(String);
}
