import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { isSafeMethod } from '../http/cross-site.guard.js';
import { replyOf, requestOf } from '../http/http.context.js';
import { isNavigation } from '../http/navigation.js';
import { ProblemFilter, toProblem } from '../http/problem.filter.js';
import { safeReturnTo } from '../http/return.target.js';
import { originalRequest } from './original.request.js';
import { requirementsOf } from './verify.requirements.js';

/**
 * What a proxy is told of a caller without a session, or with an address that isn't verified: 401 or 403, or a redirect to log in
 * or to verify it when its configuration asks for one.
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
    if (problem.code === 'unauthenticated' && wantsRedirect(request)) {
      request.log.info({ code: problem.code, reason: problem.reason }, 'sent to log in');
      // Absolute: Traefik takes a path to be one of this server's inside address.
      void reply.header('cache-control', 'no-store').redirect(this.#urlOf('/auth/login', request), 302);
      return;
    }
    if (problem.code === 'email_unverified' && problem.loginUrl !== undefined && wantsRedirect(request)) {
      request.log.info({ code: problem.code, reason: problem.reason }, 'sent to verify the address');
      void reply.header('cache-control', 'no-store').redirect(this.#urlOf(problem.loginUrl, request), 302);
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

/** Only page loads are: a script can do nothing with a login page. */
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
