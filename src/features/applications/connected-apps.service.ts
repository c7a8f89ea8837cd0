import { Injectable, Logger } from '@nestjs/common';
import { z } from 'zod';
import { AuditService } from '../../directory/audit/audit.service.js';
import { UserDirectory } from '../../directory/users/user-directory.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { type Page, type PageQuery, decodeCursor, toPage } from '../../platform/http/page-cursor.js';
import { toTimestamp } from '../../platform/time/timestamp.schema.js';
import type { Caller } from '../../session/principal.js';
import { HydraGrants } from '../../providers/ory/hydra/hydra-grants.js';
import { isOryIssuer } from '../../providers/ory/sources/ory-issuer.js';
import {
  type ApplicationGrant,
  ApplicationGrants,
  type ApplicationUse,
  type GrantedResource,
} from './application-grants.js';
import { ApplicationsService } from './applications.service.js';
import { type ApplicationUser, type ConnectedApp, toConnectedApp } from './connected-app.schemas.js';

/** No database keeps a text with NUL. */
const textSchema = z.string().regex(/^[^\0]*$/);

/** Lists and revokes what users have allowed applications. Callers decide whose they may see. */
@Injectable()
export class ConnectedAppsService {
  readonly #logger = new Logger(ConnectedAppsService.name);

  constructor(
    private readonly grants: ApplicationGrants,
    private readonly atHydra: HydraGrants,
    private readonly users: UserDirectory,
    private readonly applications: ApplicationsService,
    private readonly audit: AuditService,
  ) {}

  /** The applications that a user has given access, the last used one first. @throws {Problem} `provider_unavailable` */
  async listOf(userId: string): Promise<ConnectedApp[]> {
    const grants = (await this.#grantsOf(userId)).flatMap((ofSubject) => ofSubject.grants);
    const ids = new Set(grants.map(({ applicationId }) => applicationId));
    return [...ids]
      .flatMap((id) => merged(grants.filter(({ applicationId }) => applicationId === id)) ?? [])
      .toSorted((one, other) => (other.lastUsedAt ?? other.since) - (one.lastUsedAt ?? one.since))
      .map((grant) => toConnectedApp(grant));
  }

  /**
   * Ends what an application may do for a user: its consents, access tokens and refresh tokens.
   * @throws {Problem} `not_found` if it has no access, `provider_unavailable`
   */
  async revoke(
    { principal: { claims, credential }, client: { requestId, remoteAddress } }: Caller,
    userId: string,
    applicationId: string,
  ): Promise<void> {
    const subjects = await this.#subjectsWith(userId, applicationId);
    if (subjects.length === 0) {
      throw new Problem('not_found', { reason: 'application_without_access' });
    }
    for (const subject of subjects) {
      await this.atHydra.revoke(subject, applicationId);
    }
    await this.audit.record({
      type: 'application_access_revoked',
      userId,
      target: { kind: 'application', id: applicationId },
      actor: { id: claims.sub, credential },
      requestId,
      remoteAddress,
    });
  }

  /** The users of an application, in the order of their subjects. @throws {Problem} `not_found`, `validation_failed` */
  async usersOf(applicationId: string, { limit, cursor }: PageQuery): Promise<Page<ApplicationUser>> {
    const after = decodeCursor(textSchema, cursor);
    const isText = textSchema.safeParse(applicationId).success;
    const uses = isText ? await this.grants.usesOf(applicationId, limit + 1, after) : [];
    if (uses.length === 0) {
      // One that no user has used yet, or none at all.
      await this.applications.get(applicationId);
    }
    const subjects = uses.map(({ subject }) => subject);
    const ids = await this.users.idsOf(subjects, isOryIssuer);
    const names = await this.users.namesOf([...ids.values()], []);
    return toPage(
      uses,
      limit,
      (use) => toUser(use, ids, names),
      ({ subject }) => subject,
    );
  }

  /** The subjects of a user that have given an application access; all of them if the provider's list can't be read. */
  async #subjectsWith(userId: string, applicationId: string): Promise<readonly string[]> {
    try {
      return (await this.#grantsOf(userId))
        .filter(({ grants }) => grants.some((grant) => grant.applicationId === applicationId))
        .map(({ subject }) => subject);
    } catch (error) {
      this.#logger.warn('an access is revoked unseen', { reason: 'grants_unreadable', err: error });
      return this.#subjectsOf(userId);
    }
  }

  async #subjectsOf(userId: string): Promise<string[]> {
    const identities = await this.users.identitiesOf(userId);
    return identities.filter(({ issuer }) => isOryIssuer(issuer)).map(({ subject }) => subject);
  }

  /** The grants of each of a user's identities at the provider. */
  async #grantsOf(
    userId: string,
  ): Promise<{ readonly subject: string; readonly grants: readonly ApplicationGrant[] }[]> {
    const subjects = await this.#subjectsOf(userId);
    return Promise.all(
      subjects.map(async (subject) => ({ subject, grants: await this.grants.grantsOf(subject) })),
    );
  }
}

/** What several identities of a user have allowed one application. */
function merged(grants: readonly ApplicationGrant[]): ApplicationGrant | undefined {
  const [first] = grants;
  const uses = grants.flatMap(({ lastUsedAt }) => lastUsedAt ?? []);
  return (
    first && {
      ...first,
      resources: mergedResources(grants.flatMap(({ resources }) => resources)),
      scope: [...new Set(grants.flatMap(({ scope }) => scope))],
      since: Math.min(...grants.map(({ since }) => since)),
      lastUsedAt: uses.length === 0 ? null : Math.max(...uses),
    }
  );
}

function mergedResources(all: readonly GrantedResource[]): GrantedResource[] {
  const urls = [...new Set(all.map(({ url }) => url))];
  return urls.flatMap((url) => {
    const same = all.filter((resource) => resource.url === url);
    const scopes = new Map(same.flatMap((resource) => resource.scopes).map((entry) => [entry.scope, entry]));
    return same.slice(0, 1).map((resource) => ({ ...resource, scopes: [...scopes.values()] }));
  });
}

function toUser(
  { subject, firstUsedAt, lastUsedAt }: ApplicationUse,
  ids: ReadonlyMap<string, string>,
  names: ReadonlyMap<string, string>,
): ApplicationUser {
  const userId = ids.get(subject) ?? null;
  return {
    userId,
    subject,
    name: (userId === null ? undefined : names.get(userId)) ?? null,
    since: toTimestamp(firstUsedAt),
    lastUsedAt: toTimestamp(lastUsedAt),
  };
}
