import { type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { OrgRole } from '../../platform/database/database.schema.js';
import { isSafeMethod } from '../../platform/http/cross-site.guard.js';
import { requestOf } from '../../platform/http/http-context.js';
import { UsersService } from '../../directory/users/users.service.js';
import {
  ACCESS,
  type Access,
  REQUIRED_ORG,
  REQUIRED_ROLE,
  REQUIRED_SCOPES,
  WITHOUT_SECOND_FACTOR,
} from './access.decorators.js';
import { type AccessRequirement, authorize, requirePolicyMet } from './authorization.js';
import { principalOf, requirePrincipal } from '../principal.js';
import { type PartialGuard, perRoute } from './route-metadata.js';
import { fullScope } from './scopes.js';

/**
 * The scopes that a route requires. A closed route that names none requires `api`, so a narrowed credential opens only the
 * routes that name its scope.
 */
export function scopesOf(
  reflector: Reflector,
  places: Parameters<Reflector['getAllAndMerge']>[1],
): readonly string[] {
  const isNamed =
    reflector.getAllAndOverride<readonly string[] | undefined>(REQUIRED_SCOPES, places) !== undefined;
  const isClosed = reflector.getAllAndOverride<string | undefined>(ACCESS, places) === undefined;
  return isClosed && !isNamed ? [fullScope] : reflector.getAllAndMerge<string[]>(REQUIRED_SCOPES, places);
}

/** What a route requires of its caller. */
interface Requirement {
  /** Undefined if it requires nothing more than the route's access. */
  readonly access: AccessRequirement | undefined;
  /** Whether a session may lack the second factor that closes everything else. */
  readonly isOpenWithoutFactor: boolean;
}

/**
 * The guard of `@RequireScope()`, `@RequireRole()` and `@RequireOrg()`, and of the policy of second factors. When an administrator changes something, it also reads the
 * role from SQL: a token minted before a demotion can't change anything after it.
 */
@Injectable()
export class AccessGuard implements PartialGuard {
  readonly #requirementOf: (context: ExecutionContext) => Requirement;

  constructor(
    reflector: Reflector,
    private readonly users: UsersService,
  ) {
    this.#requirementOf = perRoute((places) => {
      const scopes = scopesOf(reflector, places);
      const role = reflector.getAllAndOverride<'admin' | undefined>(REQUIRED_ROLE, places);
      const orgRole = reflector.getAllAndOverride<OrgRole | undefined>(REQUIRED_ORG, places);
      const isOpen = scopes.length === 0 && role === undefined && orgRole === undefined;
      return {
        access: isOpen ? undefined : { scopes, role, orgRole },
        isOpenWithoutFactor:
          // No caller is known on a public route.
          reflector.getAllAndOverride<Access | undefined>(ACCESS, places) === 'public' ||
          reflector.getAllAndOverride<true | undefined>(WITHOUT_SECOND_FACTOR, places) === true,
      };
    });
  }

  isNeeded(context: ExecutionContext): boolean {
    const { access, isOpenWithoutFactor } = this.#requirementOf(context);
    return access !== undefined || !isOpenWithoutFactor;
  }

  /** @returns synchronously, unless an administrator is about to change something. */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const { access } = this.#requirementOf(context);
    const request = requestOf(context);
    if (access === undefined) {
      const known = principalOf(request)?.claims;
      if (known !== undefined) {
        requirePolicyMet(known);
      }
      return true;
    }
    const { claims } = requirePrincipal(request);
    authorize(claims, access);
    return access.role === undefined || isSafeMethod(request.method)
      ? true
      : this.users.requireAdministrator(claims.sub).then(() => true);
  }
}
