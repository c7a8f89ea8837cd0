import { type ArgumentsHost, Catch, type ExceptionFilter, Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { replyOf, requestOf } from '../../platform/http/http-context.js';
import { problemBody } from '../../platform/http/problem-body.js';
import { ProblemFilter, toProblem } from '../../platform/http/problem.filter.js';

/**
 * Answers a registration that can't be made now, because there were too many, with OAuth's members beside those of the problem: clients
 * read `error` (RFC 7591 section 3.2.2).
 */
@Catch()
@Injectable()
export class RegistrationFilter implements ExceptionFilter {
  constructor(private readonly modules: ModuleRef) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    const [request, reply] = [requestOf(host), replyOf(host)];
    const problem = toProblem(exception);
    const { code, reason, definition } = problem;
    if (code !== 'rate_limited' && code !== 'overloaded') {
      this.modules.get(ProblemFilter, { strict: false }).answer(exception, request, reply);
      return;
    }
    request.log.info({ code, reason }, definition.title);
    void reply
      .code(definition.status)
      .headers({ ...problem.headers, 'cache-control': 'no-store' })
      .type('application/problem+json')
      .send(
        problemBody(code, request.id, {
          detail: problem.detail,
          error: 'temporarily_unavailable',
          error_description: problem.detail ?? definition.title,
        }),
      );
  }
}
