import { formOf, type Page, type UserAgent } from './user-agent.js';

const maximumRedirects = 20;

/** Where a page load ended. */
export interface Arrival {
  readonly page: Page;
  /** The redirect that was to be followed next, when the journey was stopped before it. */
  readonly next: URL | undefined;
}

/**
 * A page load that crosses origins, as a browser's does: to the provider and back.
 * @param stop asked before each redirect; true ends the journey there.
 */
export async function travel(
  agent: UserAgent,
  target: string,
  stop: (next: URL) => boolean = () => false,
  body?: URLSearchParams,
): Promise<Arrival> {
  let page = await load(agent, target, body);
  for (let count = 0; count < maximumRedirects; count += 1) {
    const location = page.headers.get('location');
    if (page.status < 300 || page.status > 399 || location === null) {
      return { page, next: undefined };
    }
    const next = new URL(location, page.url);
    if (stop(next)) {
      return { page, next };
    }
    page = await load(agent, next.href);
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

async function load(agent: UserAgent, target: string, body?: URLSearchParams): Promise<Page> {
  const origin = new URL(target).origin;
  return agent.request(target, {
    ...(body === undefined ? {} : { method: 'POST', body }),
    headers: {
      accept: 'text/html,application/xhtml+xml',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
      ...(body === undefined ? {} : { origin, 'sec-fetch-site': 'same-origin' }),
    },
  });
}
