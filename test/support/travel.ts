import { formOf, nextOf, type Page, type UserAgent } from './user-agent.js';

const maximumRedirects = 20;

/** Where a page load ended. */
export interface Arrival {
  readonly page: Page;
  /** The redirect that was to be followed next, when the journey was stopped before it. */
  readonly next: URL | undefined;
}

/**
 * A page load that crosses origins, as a browser's does: to the provider and back.
 * @param stop asked before each redirect; true ends the journey there. The browser is one without Fetch Metadata then, for which the
 *   gateway follows none itself.
 */
export async function travel(
  agent: UserAgent,
  target: string,
  stop?: (next: URL) => boolean,
  body?: URLSearchParams,
): Promise<Arrival> {
  const isOld = stop !== undefined;
  let page = await load(agent, target, isOld, body);
  for (let count = 0; count < maximumRedirects; count += 1) {
    const location = nextOf(page);
    if (location === undefined) {
      return { page, next: undefined };
    }
    const next = new URL(location, page.url);
    if (stop?.(next) === true) {
      return { page, next };
    }
    page = await load(agent, next.href, isOld);
  }
  throw new Error(`${new URL(target).pathname} led through more than ${maximumRedirects} redirects`);
}

/** Fills in and sends a form of a page, wherever it leads. */
export async function sendForm(
  agent: UserAgent,
  page: Page,
  fields: Readonly<Record<string, string>>,
  stop?: (next: URL) => boolean,
): Promise<Arrival> {
  const { action, body } = formOf(page, fields);
  return travel(agent, action, stop, body);
}

async function load(agent: UserAgent, target: string, isOld: boolean, body?: URLSearchParams): Promise<Page> {
  const origin = new URL(target).origin;
  const metadata = {
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'document',
    'sec-fetch-site': 'same-origin',
  };
  return agent.request(target, {
    ...(body === undefined ? {} : { method: 'POST', body }),
    headers: {
      accept: 'text/html,application/xhtml+xml',
      ...(isOld ? {} : metadata),
      ...(body === undefined ? {} : { origin }),
    },
  });
}
