import type { IncomingHttpHeaders } from 'node:http';
import { Problem } from '../../../platform/errors/problem.error.js';

/** Maximum characters of a query. Kratos stores it twice for each flow that anyone begins. */
const longestQuery = 2048;
/**
 * Maximum characters with a login's encrypted state of Hydra's (the original request, what the gateway has added to it, and one or two
 * kilobytes), or an ID token.
 */
const longestWithState = 6400;
/** Parameters that may be named several times (RFC 8707 section 2), and Hydra's own for the same. */
const repeatable: ReadonlySet<string> = new Set(['resource', 'audience']);
const hydraState = /(?:^|[&?]|%3f|%26)(?:login|consent|logout)_(?:challenge|verifier)(?:=|%3d)/i;

/** Logouts by applications: the query has an ID token, which lists the user's organisations. Hydra stores it once. */
const logoutPath = /^[^?]*\/oauth2\/sessions\/logout\?/;

/** The query of a URL: everything after the first question mark. */
export function queryOf(url: string): string {
  const start = url.indexOf('?');
  return start === -1 ? '' : url.slice(start + 1);
}

/**
 * Reads a form or a query as Hydra does, so that both see the same parameters: `URLSearchParams` ignores a question mark at the
 * beginning, of which Hydra makes a part of the first name.
 */
export function parametersIn(text: string): URLSearchParams {
  return new URLSearchParams(`&${text}`);
}

/** A query or a form without some parameters; the rest stays byte for byte. */
export function withoutParameters(text: string, names: readonly string[]): string {
  const others = text
    .split('&')
    .filter((pair) => pair !== '' && !names.some((name) => parametersIn(pair).has(name)));
  return others.join('&');
}

/** A query or a form with other values of some parameters; the rest stays byte for byte. */
export function withParameters(text: string, values: Readonly<Record<string, string>>): string {
  const others = withoutParameters(text, Object.keys(values));
  return [...(others === '' ? [] : [others]), String(new URLSearchParams(values))].join('&');
}

/**
 * Whether an authorization request continues one that Hydra has answered with a challenge: Hydra itself has written it then.
 * @param asked its parameters.
 */
export function isContinued(asked: URLSearchParams): boolean {
  // Hydra takes a blank verifier for none, and begins anew.
  return ['login_verifier', 'consent_verifier'].some((name) => /[\w-]{16}/.test(asked.get(name) ?? ''));
}

/** A query for Kratos without `login_challenge`: only the gateway's own questions have one, and Hydra's challenges are the gateway's. */
export function withoutChallenge(query: string): string {
  return withoutParameters(query, ['login_challenge']);
}

/** Refuses a query that is too long. @param url path and query. @throws {Problem} `uri_too_long` */
export function requireShortQuery(url: string): void {
  const query = queryOf(url);
  const isLong = hydraState.test(query) || logoutPath.test(url);
  if (query.length > (isLong ? longestWithState : longestQuery)) {
    throw new Problem('uri_too_long', { reason: 'ory_query_too_long' });
  }
}

/**
 * Refuses parameters that Hydra would read otherwise than this gateway. It leaves out pairs with a semicolon or an escape that is none, and
 * so takes the second of two values where `URLSearchParams` has the first. A client id that its database can't hold is an error to it.
 * @param text of a query or a form. @throws {Problem} `malformed_request`
 */
export function requireSameReading(text: string): void {
  const isOdd = /;|%(?![\da-f]{2})/i.test(text);
  const parameters = parametersIn(text);
  const names = [...parameters.keys()].filter((name) => !repeatable.has(name));
  const isText = !(parameters.get('client_id') ?? '').includes('\0');
  if (isOdd || new Set(names).size < names.length || !isText) {
    throw new Problem('malformed_request', {
      detail: 'A parameter was sent more than once, or isn’t encoded as in a form.',
      reason: 'parameters_ambiguous',
    });
  }
}

/**
 * Requires that a grant type is read as it stands: Hydra ignores blanks around it, of any alphabet, and takes several.
 * @throws {Problem} `malformed_request`
 */
export function requirePlainGrantType(form: URLSearchParams): void {
  if (!/^[!-~]*$/.test(form.get('grant_type') ?? '')) {
    throw new Problem('malformed_request', {
      detail: 'grant_type must be one grant type, without blanks.',
      reason: 'grant_type_form',
    });
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
 * Refuses a login at a level of assurance that Kratos doesn't know: it would keep the error in a table that nothing cleans.
 * @param url path and query. @param path after the prefix. @throws {Problem} `malformed_request`
 */
export function requireKnownAssurance(url: string, path: string): void {
  const levels = parametersIn(queryOf(url)).getAll('aal');
  if (path === '/self-service/login/browser' && !levels.every((level) => /^(?:aal[12])?$/i.test(level))) {
    throw new Problem('malformed_request', { detail: '`aal` is aal1 or aal2.', reason: 'assurance_unknown' });
  }
}

/**
 * Refuses a body in another form than OAuth's own: Hydra would read parameters from forms in parts (`multipart/form-data`) that
 * nothing here reads. At `/userinfo`, where a token may come with a body of any type, only those are refused.
 * @param path after the prefix. @throws {Problem} `unsupported_media_type`
 */
export function requireEncodedForm(
  method: string,
  { 'content-type': type }: IncomingHttpHeaders,
  path: string,
): void {
  const isOther = type !== undefined && !isEncodedForm(type);
  const isInParts = path === '/userinfo' && /^\s*multipart\//i.test(type ?? '');
  if (method === 'POST' && ((path.startsWith('/oauth2/') && isOther) || isInParts)) {
    throw new Problem('unsupported_media_type', { reason: 'oauth_form_in_other_type' });
  }
}

/** Whether a `Content-Type` is that of a form as OAuth has it. */
export function isEncodedForm(type: string | undefined): boolean {
  return type?.split(';', 1)[0]?.trim().toLowerCase() === 'application/x-www-form-urlencoded';
}
