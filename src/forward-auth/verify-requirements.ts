import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { Problem } from '../platform/errors/problem.error.js';
import { ScopeCatalogue } from '../platform/features/scope.catalogue.js';
import { type AccessQuery, accessQuerySchema, pairsOf } from '../platform/config/access-query.parser.js';
import type { AccessRequirement, VerificationPage } from '../session/guards/authorization.js';
import { requirementOf } from '../session/guards/access.query.js';
import { fullScope, scopeTokens } from '../session/guards/scopes.js';
import { pathPrefix } from '../platform/http/original-request.js';

/** The path segment that requires only a session. A segment can't be empty, unlike a query. */
const nothingMore = 'session';

/** The requirements that a proxy's configuration can have: access, how a refusal is answered, and what the upstream gets. */
const requirementsSchemaOf = ({ isKnownOrForeign }: ScopeCatalogue) =>
  z.strictObject({
    ...accessQuerySchema.shape,
    scope: accessQuerySchema.shape.scope.refine(
      (scope) => scope === undefined || scopeTokens(scope).every(isKnownOrForeign),
      { error: 'must be scopes, with a blank between them' },
    ),
    redirect: z.enum(['true', 'false'], { error: 'must be true or false' }).optional(),
    cookies: z.literal('application', { error: 'must be application' }).optional(),
  });

/** The requirements of one sub-request. */
export type Requirements = z.output<ReturnType<typeof requirementsSchemaOf>>;

/** Reads what proxies require of the callers of their sub-requests. */
@Injectable()
export class VerifyRequirements {
  readonly #schema: ReturnType<typeof requirementsSchemaOf>;
  /** Parsed requirements by their text. The proxies of a deployment use only a handful of texts. */
  readonly #known = new LRUCache<string, Requirements>({ max: 100 });

  constructor(scopes: ScopeCatalogue) {
    this.#schema = requirementsSchemaOf(scopes);
  }

  /** The requirements in a query, or in the segment after `/auth/verify/`. @throws {Problem} `validation_failed` */
  of({ url }: FastifyRequest): Requirements {
    const asked = url.startsWith(pathPrefix) ? url.split('/', 4).join('/') : url;
    const found = this.#known.get(asked);
    if (found !== undefined) {
      return found;
    }
    const parsed = this.#parse(givenIn(asked));
    this.#known.set(asked, parsed);
    return parsed;
  }

  #parse(given: unknown): Requirements {
    const parsed = this.#schema.safeParse(given);
    if (parsed.success) {
      return parsed.data;
    }
    throw new Problem('validation_failed', {
      reason: 'verify_requirements',
      errors: parsed.error.issues
        .slice(0, 20)
        .map(({ path, message }) => ({ field: path.join('.'), message })),
    });
  }
}

function givenIn(asked: string): unknown {
  if (asked.startsWith(pathPrefix)) {
    const segment = asked.slice(pathPrefix.length);
    const pairs = pairsOf(segment) ?? {};
    return segment === nothingMore ? {} : Object.keys(pairs).length === 0 ? undefined : pairs;
  }
  const [path, query] = [asked.split('?', 1)[0] ?? '', asked.slice(asked.indexOf('?') + 1)];
  return path === '/auth/verify' ? pairsOf(asked.includes('?') ? query : '') : undefined;
}

/**
 * What the caller's claims must have: what the sub-request requires, and what the host of applications that it is about requires. If neither
 * names a scope, `api` is required, which is the full authority of the person: an API key with less is accepted only where its scope
 * is named.
 * @param page the page on which an address is verified, for the refusal of an unverified one.
 */
export function accessRequirementsOf(
  requirements: Requirements,
  host: AccessQuery | undefined,
  page: VerificationPage = {},
): readonly AccessRequirement[] {
  const isScopeNamed = requirements.scope !== undefined || host?.scope !== undefined;
  return [
    ...(host === undefined ? [] : [requirementOf(host, page)]),
    requirementOf(isScopeNamed ? requirements : { ...requirements, scope: fullScope }, page),
  ];
}
