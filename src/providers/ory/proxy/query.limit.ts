import { Problem } from '../../../platform/errors/problem.error.js';

/** Maximum characters of a query. Kratos stores it twice for each flow that anyone begins. */
const longestQuery = 2048;
/** Maximum characters with a login's encrypted state of Hydra's: the original request, and one or two kilobytes. */
const longestWithState = 6144;
const hydraState = /(?:^|[&?]|%3f|%26)(?:login|consent|logout)_(?:challenge|verifier)(?:=|%3d)/i;

/** The query of a URL: everything after the first question mark. */
export function queryOf(url: string): string {
  const start = url.indexOf('?');
  return start === -1 ? '' : url.slice(start + 1);
}

/** Refuses a query that is too long. @param url path and query. @throws {Problem} `uri_too_long` */
export function requireShortQuery(url: string): void {
  const query = queryOf(url);
  if (query.length > (hydraState.test(query) ? longestWithState : longestQuery)) {
    throw new Problem('uri_too_long', { reason: 'ory_query_too_long' });
  }
}

/** Parameters of links: for Kratos, the flow and the mail's secret; for us, the identity whose address it is for. */
const linkParameters: ReadonlySet<string> = new Set(['flow', 'code', 'token', 'identity']);
const submissions = /^\/self-service\/(?:login|registration|recovery|verification|settings)$/;

/**
 * Refuses a form in a query, which Kratos would accept. Here, forms must be posted, so that each of their fields is checked.
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

/**
 * Refuses the parameters of a request object (OpenID Connect Core section 6): what it demands of a login, such as `prompt`, would be
 * overlooked. @param url path and query. @param path after the prefix. @throws {Problem} `malformed_request`
 */
export function requireNoRequestObject(url: string, path: string): void {
  const query = new URLSearchParams(queryOf(url));
  if (path === '/oauth2/auth' && (query.has('request') || query.has('request_uri'))) {
    throw new Problem('malformed_request', {
      detail: 'Request objects are not supported: send the parameters in the query.',
      reason: 'request_object',
    });
  }
}
