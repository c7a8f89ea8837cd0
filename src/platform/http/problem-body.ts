import { type ProblemCode, problemCatalogue } from '../errors/problem.catalogue.js';

/** The JSON of an RFC 9457 problem. @param members of this occurrence; undefined ones are left out. */
export function problemBody(
  code: ProblemCode,
  requestId: string,
  members: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify(problemOf(code, requestId, members));
}

/** The same as a value. */
export function problemOf(
  code: ProblemCode,
  requestId: string,
  members: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  const { status, title } = problemCatalogue[code];
  return { type: 'about:blank', title, status, code, ...members, requestId };
}
