import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { type ApplicationHost, applicationHostOf } from '../platform/http/application-hosts.js';
import { isSafeMethod } from '../platform/http/cross-site.guard.js';
import { replyOf, requestOf } from '../platform/http/http-context.js';
import { isNavigation } from '../platform/http/navigation.js';
import { ProblemFilter, toProblem } from '../platform/http/problem.filter.js';
import { safeReturnTo } from '../platform/http/return-target.js';
import { originalRequest } from '../platform/http/original-request.js';
import { VerifyRequirements } from './verify-requirements.js';

/**
 * Answers a proxy whose sub-request was refused. With `redirect=true`, page loads without a session or a second factor are redirected to
 * log in, and those with an unverified address to verify it: on a host of applications at that host's own login. All other refusals are
 * answered with the problem, such as 401 or 403.
 */
@Catch()
@Injectable()
export class VerifyFilter implements ExceptionFilter {
  readonly #publicUrl: string;

  constructor(
    private readonly modules: ModuleRef,
    private readonly requirements: VerifyRequirements,
    @Inject(CONFIGURATION) { PUBLIC_URL }: Configuration,
  ) {
    this.#publicUrl = PUBLIC_URL;
  }

  catch(exception: unknown, host: ArgumentsHost): void {
    const request = requestOf(host);
    const reply = replyOf(host);
    const applicationHost = applicationHostOf(request);
    const given = toProblem(exception);
    const problem = applicationHost?.refusal(given, request) ?? given;
    const { code, reason } = problem;
    const page = problem.loginUrl ?? (code === 'unauthenticated' ? '/auth/login' : undefined);
    if (page !== undefined && this.#wantsRedirect(request)) {
      const message = code === 'email_unverified' ? 'sent to verify the address' : 'sent to log in';
      request.log.info({ code, reason }, message);
      void reply
        .header('cache-control', 'no-store')
        .redirect(this.#urlOf(page, request, applicationHost), 302);
      return;
    }
    const filter = this.modules.get(ProblemFilter, { strict: false });
    filter.answer(problem === given ? exception : problem, request, reply, false);
  }

  /**
   * A page from which a browser comes back to the original path. As an absolute URL: Traefik would resolve a path against this server's
   * internal address.
   */
  #urlOf(page: string, request: FastifyRequest, host: ApplicationHost | undefined): string {
    const { path } = originalRequest(request);
    const url = new URL(page, host?.origin ?? this.#publicUrl);
    url.searchParams.set('return_to', host?.returnTo(path) ?? safeReturnTo(path, this.#publicUrl));
    return url.href;
  }

  /** Whether the refusal should be a redirect. Only page loads get one: a script can do nothing with a login page. */
  #wantsRedirect(request: FastifyRequest): boolean {
    const { method } = originalRequest(request);
    if (!isNavigation(request) || (method !== undefined && !isSafeMethod(method))) {
      return false;
    }
    try {
      return this.requirements.of(request).redirect === 'true';
    } catch {
      return false;
    }
  }
}
