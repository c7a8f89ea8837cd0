import { type ComponentChild, h } from 'preact';
import { render } from 'preact-render-to-string';
import { type PageFrame, PageFrameProvider } from './views/page-props.js';

/**
 * Renders a page's view as an HTML document.
 *
 * @param page - the root of the page, an `<html>` element (see `Document`)
 * @returns a whole document, including the doctype; every text and attribute value is escaped
 */
export function renderPage(page: ComponentChild, frame: PageFrame): string {
  return `<!doctype html>\n${render(h(PageFrameProvider, { value: frame, children: page }))}\n`;
}
