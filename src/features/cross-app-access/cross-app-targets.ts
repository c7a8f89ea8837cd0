import { Inject, Injectable } from '@nestjs/common';
import { AuthStrategy } from '../../auth-strategy/auth.strategy.js';
import { AuditService } from '../../directory/audit/audit.service.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { givenIdSchema } from '../../platform/core/id.schema.js';
import { newId } from '../../platform/core/identifier.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { FeatureAuditEvent } from '../../platform/features/audit-event.catalogue.js';
import { Clock } from '../../platform/time/clock.service.js';
import { toTimestamp } from '../../platform/time/timestamp.schema.js';
import type { Caller } from '../../session/principal.js';
import { crossAppEvents } from './cross-app-audit-events.js';
import type { CrossAppTarget, CrossAppTargetInput } from './cross-app-target.schemas.js';
import { CrossAppTargetRepository } from './cross-app-target.repository.js';
import type { CrossAppTargetRow } from './cross-app.schema.js';

/** Targets that one application may have. */
const mostTargets = 50;

interface OwnedApplication {
  readonly id: string;
  readonly orgId: string | null;
}

/** Where applications may act for users on the word of this gateway, as administrators name it. */
@Injectable()
export class CrossAppTargets {
  readonly #publicUrl: string;

  constructor(
    private readonly strategy: AuthStrategy,
    private readonly targets: CrossAppTargetRepository,
    private readonly audit: AuditService,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { PUBLIC_URL }: Configuration,
  ) {
    this.#publicUrl = PUBLIC_URL;
  }

  /** The targets of an application, the oldest first. @throws {Problem} `not_found` */
  async list(applicationId: string): Promise<readonly CrossAppTarget[]> {
    const { id } = await this.#require(applicationId);
    return (await this.targets.list(id)).map(toItem);
  }

  /** Names a target. @throws {Problem} `not_found`, `validation_failed`, `conflict` */
  async create(caller: Caller, applicationId: string, input: CrossAppTargetInput): Promise<CrossAppTarget> {
    if (new URL(input.audience).origin === this.#publicUrl) {
      const errors = [{ field: 'audience', message: 'must not be the gateway itself' }];
      throw new Problem('validation_failed', { errors, reason: 'cross_app_target_invalid' });
    }
    const application = await this.#require(applicationId);
    const known = await this.targets.list(application.id);
    const isKnown = known.some(
      ({ audience, resource }) => audience === input.audience && resource === input.resource,
    );
    if (isKnown || known.length >= mostTargets) {
      throw new Problem('conflict', {
        reason: isKnown ? 'cross_app_target_known' : 'too_many_cross_app_targets',
        detail: isKnown
          ? 'The application has this audience with this resource already: remove it first.'
          : `There are ${mostTargets} targets already.`,
      });
    }
    const { clientId, ...others } = input;
    const now = this.clock.now();
    const target = {
      ...others,
      id: newId(now),
      application_id: application.id,
      client_id: clientId,
      created_by: caller.principal.claims.sub,
      created_at: now,
    };
    await this.targets.add(target);
    await this.#record(crossAppEvents.target_created, caller, application, input.audience);
    return toItem(target);
  }

  /** Removes a target. @throws {Problem} `not_found` */
  async delete(caller: Caller, applicationId: string, given: string): Promise<void> {
    const application = await this.#require(applicationId);
    const { data: id = '' } = givenIdSchema.safeParse(given);
    if (!(await this.targets.remove(application.id, id))) {
      throw new Problem('not_found', { reason: 'no_such_cross_app_target' });
    }
    await this.#record(crossAppEvents.target_deleted, caller, application);
  }

  /** An application for users that can authenticate: nothing else can use an assertion. */
  async #require(given: string): Promise<OwnedApplication> {
    const { data: id } = givenIdSchema.safeParse(given);
    const application = id === undefined ? undefined : await this.strategy.applications?.find(id);
    if (
      application === undefined ||
      application.kind === 'machine' ||
      application.tokenEndpointAuthMethod === 'none'
    ) {
      throw new Problem('not_found', {
        reason: 'no_such_application',
        detail: 'There is no application of this id that has a secret or keys, and users.',
      });
    }
    return application;
  }

  async #record(
    { type }: FeatureAuditEvent,
    { principal: { claims, credential }, client: { requestId, remoteAddress } }: Caller,
    { id, orgId }: OwnedApplication,
    reason?: string,
  ): Promise<void> {
    await this.audit.record({
      type,
      target: { kind: 'application', id },
      orgId: orgId ?? undefined,
      actor: { id: claims.sub, credential },
      ...(reason === undefined ? {} : { reason }),
      requestId,
      remoteAddress,
    });
  }
}

function toItem({ client_id: clientId, created_at: at, ...row }: CrossAppTargetRow): CrossAppTarget {
  const { id, audience, resource, scope } = row;
  return { id, audience, resource, clientId, scope, createdAt: toTimestamp(Number(at)) };
}
