import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Problem } from '../core/problem.error.js';
import type { OrgRole } from '../database/database.schema.js';
import { requestOf } from '../http/http.context.js';
import { UsersService } from '../users/users.service.js';
import { ACCESS, REQUIRED_ORG, REQUIRED_ROLE, REQUIRED_SCOPES } from './access.decorators.js';
import { orgMissing, orgRoleMissing, roleMissing } from './access.refusal.js';
import { principalOf } from './principal.js';
import { perRoute } from './route.metadata.js';
import { assertScope } from './scope.check.js';
import { fullScope } from './scopes.js';

const rank: Readonly<Record<OrgRole, number>> = { member: 1, admin: 2, owner: 3 };

/** Whether a role in an organisation is at least another one. */
export function isAtLeast(role: OrgRole, required: OrgRole): boolean {
  return rank[role] >= rank[required];
}

interface Demand {
  readonly scopes: readonly string[];
  readonly role: 'admin' | undefined;
  readonly org: OrgRole | undefined;
}

/** A closed route that names no scope asks for all of it: a credential that was narrowed opens what says so and nothing else. */
function scopesOf(
  reflector: Reflector,
  places: Parameters<Reflector['getAllAndMerge']>[1],
): readonly string[] {
  const isNamed =
    reflector.getAllAndOverride<readonly string[] | undefined>(REQUIRED_SCOPES, places) !== undefined;
  const isClosed = reflector.getAllAndOverride<string | undefined>(ACCESS, places) === undefined;
  return isClosed && !isNamed ? [fullScope] : reflector.getAllAndMerge<string[]>(REQUIRED_SCOPES, places);
}

/** Methods that change nothing (RFC 9110 section 9.2.1). */
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * What `@RequireScope()`, `@RequireRole()` and `@RequireOrg()` ask for, decided from the caller's claims. Where an administrator changes
 * something, the role is read from SQL as well: a token that was minted before a demotion changes nothing after it.
 */
@Injectable()
export class AccessGuard implements CanActivate {
  readonly #demandOf: (context: ExecutionContext) => Demand;
  readonly #users: UsersService;

  constructor(reflector: Reflector, users: UsersService) {
    this.#users = users;
    this.#demandOf = perRoute((places) => ({
      scopes: scopesOf(reflector, places),
      role: reflector.getAllAndOverride<'admin' | undefined>(REQUIRED_ROLE, places),
      org: reflector.getAllAndOverride<OrgRole | undefined>(REQUIRED_ORG, places),
    }));
  }

  /** @returns at once, unless an administrator is about to change something. */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const { scopes, role, org } = this.#demandOf(context);
    if (scopes.length === 0 && role === undefined && org === undefined) {
      return true;
    }
    const request = requestOf(context);
    const claims = principalOf(request)?.claims;
    if (claims === undefined) {
      throw new Problem('unauthenticated', { reason: 'no_principal' });
    }
    if (role !== undefined && claims.roles?.includes(role) !== true) {
      throw roleMissing(role);
    }
    if (org !== undefined && (claims.org === undefined || !isAtLeast(claims.org.role, org))) {
      throw claims.org === undefined ? orgMissing() : orgRoleMissing(org);
    }
    assertScope(claims, scopes);
    return role === undefined || safeMethods.has(request.method)
      ? true
      : this.#users.requireAdministrator(claims.sub).then(() => true);
  }
}
