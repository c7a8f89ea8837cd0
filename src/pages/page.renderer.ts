import type { VNode } from 'preact';
import { render } from 'preact-render-to-string';

/**
 * Turns a page's view into the bytes of an HTML answer.
 *
 * @param page - the root of the page, an `<html>` element (see `Document`)
 * @returns a whole document, doctype included; every text and attribute value is escaped
 */
export function renderPage(page: VNode): string {
  return `<!doctype html>\n${render(page)}\n`;
}
