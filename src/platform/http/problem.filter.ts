import {
  type ArgumentsHost,
  Catch,
  type ExceptionFilter,
  HttpException,
  Inject,
  Injectable,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import type { ProblemCode } from '../errors/problem.catalogue.js';
import { Problem } from '../errors/problem.error.js';
import { applicationHostOf } from './application-hosts.js';
import { ErrorPage } from './error.page.js';
import { replyOf, requestOf } from './http-context.js';
import { isInnerCall } from './inner-call.js';
import { acceptsHtml, isNavigation } from './navigation.js';
import { policyOnHost } from './security-headers.js';
import { problemBody } from './problem-body.js';
import { pathOf } from './request-path.js';

const codeByStatus: Readonly<Record<number, ProblemCode>> = {
  400: 'malformed_request',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'payload_too_large',
  414: 'malformed_request',
  415: 'unsupported_media_type',
  429: 'rate_limited',
  431: 'malformed_request',
  503: 'not_ready',
};

const routableMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Turns every error into RFC 9457 problem+json, or into a page for a user's browser. */
@Catch()
@Injectable()
export class ProblemFilter implements ExceptionFilter {
  readonly #publicUrl: string;

  constructor(
    private readonly page: ErrorPage,
    @Inject(CONFIGURATION) { PUBLIC_URL }: Pick<Configuration, 'PUBLIC_URL'>,
  ) {
    this.#publicUrl = PUBLIC_URL;
  }

  catch(exception: unknown, host: ArgumentsHost): void {
    this.answer(exception, requestOf(host), replyOf(host));
  }

  /**
   * Answers this error on this reply; also used by routes that Nest doesn't know (the proxy).
   * @param mayRedirect whether a page load is redirected to where the requirement can be met.
   */
  answer(exception: unknown, request: FastifyRequest, reply: FastifyReply, mayRedirect = true): void {
    const problem = withAllowedMethods(toProblem(exception), request);
    const { status, title } = problem.definition;
    const log = {
      code: problem.code,
      reason: problem.reason,
      sid: request.vestibulePrincipal?.claims.sid,
      err: status >= 500 ? exception : undefined,
    };
    request.log[status >= 500 ? 'error' : 'info'](log, title);
    if (reply.sent) {
      return;
    }
    void reply.code(status).headers({
      ...inSchemeOf(request, { ...this.#challengeOf(status, request), ...problem.headers }),
      'cache-control': 'no-store',
    });
    const format =
      problem.code === 'malformed_request' ? request.routeOptions?.config?.unreadable : undefined;
    if (format !== undefined) {
      void reply.header('content-language', 'en').type('application/json; charset=utf-8');
      void reply.send(format(problem.detail ?? `${title}.`));
      return;
    }
    const login = problem.code === 'unauthenticated' ? '/auth/login' : problem.loginUrl;
    const host = applicationHostOf(request);
    // On another host, these paths are the application's.
    if (mayRedirect && host === undefined && login !== undefined && isNavigation(request)) {
      const target = `${login}${login.includes('?') ? '&' : '?'}return_to=${encodeURIComponent(request.url)}`;
      void reply.redirect(target, 302);
    } else if (isNavigation(request) || (request.method === 'POST' && acceptsHtml(request))) {
      if (host !== undefined) {
        void reply.header('content-security-policy', policyOnHost(this.#publicUrl));
      }
      void reply.type('text/html; charset=utf-8').send(this.page.render(problem, request));
    } else {
      const { detail, errors, loginUrl } = problem;
      // Our own pages have a text for some reasons.
      const reason = isInnerCall(request) ? problem.reason : undefined;
      void reply
        .type('application/problem+json')
        .send(problemBody(problem.definition, request.id, { detail, errors, loginUrl, reason }));
    }
  }

  /**
   * The challenge of an answer: every 401 states how to authenticate (RFC 9110 section 15.5.2), that a token was not accepted (RFC 6750
   * section 3.1), and in the API where a program finds out how to get one (RFC 9728 section 5.1).
   */
  #challengeOf(status: number, request: FastifyRequest): Readonly<Record<string, string>> {
    if (status !== 401) {
      return {};
    }
    const parameters = [
      ...(request.headers.authorization === undefined ? [] : ['error="invalid_token"']),
      ...(request.url.startsWith('/api/')
        ? [`resource_metadata="${this.#publicUrl}/.well-known/oauth-protected-resource/api"`]
        : []),
    ];
    return { 'www-authenticate': ['Bearer', parameters.join(', ')].filter((part) => part !== '').join(' ') };
  }
}

/** Headers in which a challenge has the scheme by which the token came (RFC 9449 section 7.1). */
function inSchemeOf(
  { headers: { authorization = '' } }: FastifyRequest,
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const challenge = headers['www-authenticate'];
  return challenge !== undefined && /^dpop /i.test(authorization)
    ? { ...headers, 'www-authenticate': challenge.replace(/^Bearer/, 'DPoP') }
    : headers;
}

/** The problem of a path that exists under other methods: 405 with `Allow`, not 404 (RFC 9110 section 15.5.6). */
function withAllowedMethods(problem: Problem, request: FastifyRequest): Problem {
  if (problem.code !== 'not_found') {
    return problem;
  }
  const url = pathOf(request);
  // The router throws for a pattern with an asterisk in the middle.
  const isPattern = !/\*./.test(url);
  const allowed = routableMethods.filter((method) => isPattern && request.server.hasRoute({ method, url }));
  return allowed.length === 0 || allowed.includes(request.method)
    ? problem
    : new Problem('method_not_allowed', { headers: { allow: allowed.join(', ') } });
}

/** Any thrown value → a problem. An unknown one is `internal_error`, and its text stays in the log. */
export function toProblem(exception: unknown): Problem {
  if (exception instanceof Problem) {
    return exception;
  }
  const status =
    exception instanceof HttpException
      ? exception.getStatus()
      : exception instanceof Error
        ? Reflect.get(exception, 'statusCode')
        : undefined;
  const code = typeof status === 'number' ? codeByStatus[status] : undefined;
  return new Problem(
    code ?? (typeof status === 'number' && status < 500 ? 'malformed_request' : 'internal_error'),
    {
      cause: exception,
    },
  );
}
