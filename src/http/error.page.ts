import type { Problem } from '../core/problem.error.js';

/** Port: how a problem looks to a person in a browser. The pages implement it. */
export abstract class ErrorPage {
  /** @returns a whole HTML document. */
  abstract render(problem: Problem, requestId: string): string;
}
