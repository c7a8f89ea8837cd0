import { Problem } from '../../platform/errors/problem.error.js';

/** Why the API refused an action, for the page that offered it. */
export interface Refusal {
  /** HTTP status of the page. */
  readonly status: number;
  /** The API's explanation, in English. */
  readonly detail: string;
  /** Id of the reason, for those that a page has a text for. */
  readonly reason: string;
}

/**
 * The refusal in a conflict, for showing the page again with the reason.
 * @throws the error itself, if its status isn't 409.
 */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Problem && error.definition.status === 409) {
    const { definition, detail = definition.title, reason = '' } = error;
    return { status: definition.status, detail, reason };
  }
  throw error;
}

/**
 * Makes a login that the error requires return to one of our pages; any other error is returned unchanged.
 * @param page path of the page with the form.
 */
export function leadingBackTo(page: string, error: unknown): unknown {
  if (!(error instanceof Problem) || error.loginUrl === undefined) {
    return error;
  }
  const { definition, headers, loginUrl } = error;
  const query = new URLSearchParams({ return_to: page });
  return new Problem(definition, {
    reason: error.reason ?? 'refused_by_the_api',
    headers,
    loginUrl: `${loginUrl}${loginUrl.includes('?') ? '&' : '?'}${query}`,
    cause: error,
  });
}
