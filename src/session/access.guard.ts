import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../core/problem.error.js';
import type { OrgRole } from '../database/database.schema.js';
import { REQUIRED_ORG, REQUIRED_ROLE, REQUIRED_SCOPES } from './access.decorators.js';
import { principalOf } from './principal.js';
import { covers } from './scopes.js';

const rank: Readonly<Record<OrgRole, number>> = { member: 1, admin: 2, owner: 3 };

/** Whether a role in an organisation is at least another one. */
export function isAtLeast(role: OrgRole, required: OrgRole): boolean {
  return rank[role] >= rank[required];
}

/** What `@RequireScope()`, `@RequireRole()` and `@RequireOrg()` ask for, decided from the caller's claims alone. */
@Injectable()
export class AccessGuard implements CanActivate {
  readonly #reflector: Reflector;

  constructor(reflector: Reflector) {
    this.#reflector = reflector;
  }

  canActivate(context: ExecutionContext): boolean {
    const targets = [context.getHandler(), context.getClass()];
    const scopes = this.#reflector.getAllAndMerge<string[]>(REQUIRED_SCOPES, targets);
    const role = this.#reflector.getAllAndOverride<'admin' | undefined>(REQUIRED_ROLE, targets);
    const org = this.#reflector.getAllAndOverride<OrgRole | undefined>(REQUIRED_ORG, targets);
    if (scopes.length === 0 && role === undefined && org === undefined) {
      return true;
    }
    const claims = principalOf(context.switchToHttp().getRequest<FastifyRequest>())?.claims;
    if (claims === undefined) {
      throw new Problem('unauthenticated', { reason: 'no_principal' });
    }
    if (role !== undefined && claims.roles?.includes(role) !== true) {
      throw new Problem('forbidden', { reason: 'role_missing' });
    }
    if (org !== undefined && (claims.org === undefined || !isAtLeast(claims.org.role, org))) {
      throw new Problem('forbidden', {
        reason: claims.org === undefined ? 'org_missing' : 'org_role_missing',
      });
    }
    const missing = scopes.filter((scope) => !covers(claims.scope, scope));
    if (missing.length > 0) {
      throw new Problem('insufficient_scope', {
        reason: 'scope_missing',
        // RFC 6750 section 3.1.
        headers: { 'www-authenticate': `Bearer error="insufficient_scope", scope="${missing.join(' ')}"` },
      });
    }
    return true;
  }
}
