import { type AnyProblem, definitionOf } from '../errors/problem.catalogue.js';

/** The JSON of an RFC 9457 problem. @param members of this occurrence; undefined ones are left out. */
export function problemBody(
  problem: AnyProblem,
  requestId: string,
  members: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify(problemOf(problem, requestId, members));
}

/** The same as a value. */
export function problemOf(
  problem: AnyProblem,
  requestId: string,
  members: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  const { code, status, title } = definitionOf(problem);
  return { type: 'about:blank', title, status, code, ...members, requestId };
}
