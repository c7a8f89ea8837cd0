import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { isSafeMethod } from '../platform/http/cross-site.guard.js';
import { replyOf, requestOf } from '../platform/http/http.context.js';
import { isNavigation } from '../platform/http/navigation.js';
import { ProblemFilter, toProblem } from '../platform/http/problem.filter.js';
import { safeReturnTo } from '../platform/http/return.target.js';
import { originalRequest } from './original.request.js';
import { requirementsOf } from './verify.requirements.js';

/**
 * Answers a proxy whose sub-request was refused. With `redirect=true`, page loads without a session are redirected to log in, and
 * those with an unverified address to verify it. All other refusals are answered with the problem, such as 401 or 403.
 */
@Catch()
@Injectable()
export class VerifyFilter implements ExceptionFilter {
  readonly #modules: ModuleRef;
  readonly #publicUrl: string;

  constructor(modules: ModuleRef, @Inject(CONFIGURATION) { PUBLIC_URL }: Configuration) {
    this.#modules = modules;
    this.#publicUrl = PUBLIC_URL;
  }

  catch(exception: unknown, host: ArgumentsHost): void {
    const request = requestOf(host);
    const reply = replyOf(host);
    const problem = toProblem(exception);
    const { code, reason } = problem;
    const page =
      code === 'unauthenticated' ? '/auth/login' : code === 'email_unverified' ? problem.loginUrl : undefined;
    if (page !== undefined && wantsRedirect(request)) {
      const message = code === 'unauthenticated' ? 'sent to log in' : 'sent to verify the address';
      request.log.info({ code, reason }, message);
      // An absolute URL: Traefik would resolve a path against this server's internal address.
      void reply.header('cache-control', 'no-store').redirect(this.#urlOf(page, request), 302);
      return;
    }
    const filter = this.#modules.get(ProblemFilter, { strict: false });
    filter.answer(exception, request, reply, false);
  }

  #urlOf(page: string, request: FastifyRequest): string {
    const { path } = originalRequest(request);
    const query = new URLSearchParams({ return_to: safeReturnTo(path, this.#publicUrl) });
    return `${this.#publicUrl}${page}?${query}`;
  }
}

/** Whether the refusal should be a redirect. Only page loads get one: a script can do nothing with a login page. */
function wantsRedirect(request: FastifyRequest): boolean {
  const { method } = originalRequest(request);
  if (!isNavigation(request) || (method !== undefined && !isSafeMethod(method))) {
    return false;
  }
  try {
    return requirementsOf(request).redirect === 'true';
  } catch {
    return false;
  }
}
