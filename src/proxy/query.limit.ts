import { Problem } from '../core/problem.error.js';

/** Characters of a query that an application or a page may send. Kratos keeps it, twice, in a row for each flow that anyone begins. */
const longestQuery = 2048;
/** More where Hydra has put the login's state into it, sealed: what was asked of it, and a kilobyte or two. */
const longestWithState = 6144;
const hydraState = /(?:^|[&?]|%3f|%26)(?:login|consent|logout)_(?:challenge|verifier)(?:=|%3d)/i;

/** What stands behind the first question mark of a URL. */
export function queryOf(url: string): string {
  const start = url.indexOf('?');
  return start === -1 ? '' : url.slice(start + 1);
}

/** @param url path and query. @throws {Problem} `uri_too_long` */
export function requireShortQuery(url: string): void {
  const query = queryOf(url);
  if (query.length > (hydraState.test(query) ? longestWithState : longestQuery)) {
    throw new Problem('uri_too_long', { reason: 'ory_query_too_long' });
  }
}

/** What a link may say to Kratos: which flow, the secret out of a mail, and to us whose address it is for. */
const linkParameters: ReadonlySet<string> = new Set(['flow', 'code', 'token', 'identity']);
const submissions = /^\/self-service\/(?:login|registration|recovery|verification|settings)$/;

/**
 * Kratos takes a whole form from a query too. Forms are posted here, where each of their fields is looked at.
 * @param url path and query. @param path after the prefix. @throws {Problem} `malformed_request`
 */
export function requireNoForm(method: string, url: string, path: string): void {
  if (method === 'POST' || !submissions.test(path)) {
    return;
  }
  const names = new URLSearchParams(queryOf(url)).keys();
  if ([...names].some((name) => !linkParameters.has(name))) {
    throw new Problem('malformed_request', { detail: 'Send the form by POST.', reason: 'form_in_query' });
  }
}
