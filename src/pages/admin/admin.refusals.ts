import { Problem } from '../../core/problem.error.js';

/** What the API said against an act, for the page that offered it. */
export interface Refusal {
  /** HTTP status of the page. */
  readonly status: number;
  /** A sentence of the API, in English. */
  readonly detail: string;
}

/**
 * A conflict: the page is shown again, and says why.
 * @throws the error itself, when it's anything else.
 */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Problem && error.code === 'conflict') {
    return { status: error.definition.status, detail: error.detail ?? error.definition.title };
  }
  throw error;
}

/**
 * Where a newer login is asked for, the way there leads back to a page of ours.
 * @param page path of the page with the form.
 */
export function leadingBackTo(page: string, error: unknown): unknown {
  if (!(error instanceof Problem) || error.loginUrl === undefined) {
    return error;
  }
  const { code, headers, loginUrl } = error;
  const query = new URLSearchParams({ return_to: page });
  return new Problem(code, {
    reason: error.reason ?? 'refused_by_the_api',
    headers,
    loginUrl: `${loginUrl}${loginUrl.includes('?') ? '&' : '?'}${query}`,
    cause: error,
  });
}
