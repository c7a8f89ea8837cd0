import type { FastifyRequest } from 'fastify';
import type { Problem } from '../core/problem.error.js';

/** Port: how a problem looks to a person in a browser. The pages implement it. */
export abstract class ErrorPage {
  /** @returns a whole HTML document in the language that the request asks for. */
  abstract render(problem: Problem, request: FastifyRequest): string;
}
