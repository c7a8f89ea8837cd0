import type { FastifyRequest } from 'fastify';
import type { Problem } from '../errors/problem.error.js';

/** Port: renders a problem for a user in a browser. The pages implement it. */
export abstract class ErrorPage {
  /** Renders a problem. @returns a whole HTML document in the language that the request asks for. */
  abstract render(problem: Problem, request: FastifyRequest): string;
}
