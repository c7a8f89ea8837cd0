import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AuthError, type Requirement, type Verifier, checkRequirement } from '@vestibule-auth/verify';
import { type Access, type GuardedRequest, accessOf, requirementOf } from './access.decorators.js';

/** DI token of the verifier. */
export const VERIFIER = Symbol('vestibule verifier');

interface Route {
  /** Undefined for a closed route, and for one that requires something: decorators that open it don't undo that. */
  readonly access: Access | undefined;
  readonly requirement: Requirement;
}

/** Closes every route to callers without a live token that meets what its decorators require. */
@Injectable()
export class VestibuleGuard implements CanActivate {
  readonly #reflector: Reflector;
  readonly #verifier: Verifier;
  readonly #routes = new WeakMap<object, Map<unknown, Route>>();

  constructor(@Inject(Reflector) reflector: Reflector, @Inject(VERIFIER) verifier: Verifier) {
    this.#reflector = reflector;
    this.#verifier = verifier;
  }

  /** @throws {AuthError} which is the answer. */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const { access, requirement } = this.#routeOf(context);
    if (access === 'public') {
      return true;
    }
    const request = context.switchToHttp().getRequest<GuardedRequest>();
    // Fastify wraps Node's request.
    const known = this.#verifier.recall(request.raw ?? request, requirement);
    if (known === undefined) {
      return this.#authenticate(request, requirement, access === 'optional');
    }
    request.auth = known;
    return true;
  }

  async #authenticate(
    request: GuardedRequest,
    requirement: Requirement,
    isOptional: boolean,
  ): Promise<boolean> {
    try {
      request.auth = await this.#verifier.authenticate(request.raw ?? request, requirement);
    } catch (error) {
      if (!isOptional || !(error instanceof AuthError) || error.code !== 'unauthenticated') {
        throw error;
      }
    }
    return true;
  }

  #routeOf(context: ExecutionContext): Route {
    const [controller, handler] = [context.getClass(), context.getHandler()];
    const routes = this.#routes.get(controller) ?? new Map<unknown, Route>();
    this.#routes.set(controller, routes);
    const known = routes.get(handler);
    if (known !== undefined) {
      return known;
    }
    const places = [handler, controller];
    const requirement = checkRequirement(requirementOf(this.#reflector, places));
    const isOpen = Object.keys(requirement).length === 0;
    const access = accessOf(handler, controller);
    const route =
      access !== undefined && isOpen
        ? { access, requirement: { scope: [] } }
        : { access: undefined, requirement };
    routes.set(handler, route);
    return route;
  }
}
