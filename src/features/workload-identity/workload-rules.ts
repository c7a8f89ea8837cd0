import { Inject, Injectable } from '@nestjs/common';
import { hydraClientIssuer } from '../../auth-strategy/application-administration.js';
import { AuthStrategy } from '../../auth-strategy/auth.strategy.js';
import { AuditService } from '../../directory/audit/audit.service.js';
import { UserDirectory } from '../../directory/users/user-directory.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { givenIdSchema } from '../../platform/core/id.schema.js';
import { newId } from '../../platform/core/identifier.js';
import { type FieldError, Problem } from '../../platform/errors/problem.error.js';
import type { FeatureAuditEvent } from '../../platform/features/audit-event.catalogue.js';
import { Clock } from '../../platform/time/clock.service.js';
import { toTimestamp } from '../../platform/time/timestamp.schema.js';
import type { Caller } from '../../session/principal.js';
import { RevocationService } from '../../session/revocation/revocation.service.js';
import { claimsOf } from './tenant-claims.js';
import { workloadEvents } from './workload-audit-events.js';
import { WorkloadIssuers } from './workload-issuers.js';
import type { WorkloadRuleRow } from './workload-rule.schema.js';
import { WorkloadRuleRepository } from './workload-rule.repository.js';
import type { WorkloadInput, WorkloadItem } from './workload.schemas.js';

/** Rules that one machine may have. */
const mostRules = 20;

/** The rules that say which workloads may be which machine. */
@Injectable()
export class WorkloadRules {
  readonly #publicUrl: string;

  constructor(
    private readonly strategy: AuthStrategy,
    private readonly rules: WorkloadRuleRepository,
    private readonly issuers: WorkloadIssuers,
    private readonly users: UserDirectory,
    private readonly revocations: RevocationService,
    private readonly audit: AuditService,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { PUBLIC_URL }: Configuration,
  ) {
    this.#publicUrl = PUBLIC_URL;
  }

  /** The rules of a machine, the oldest first. @throws {Problem} `not_found`, also for an application that is no machine */
  async list(applicationId: string): Promise<readonly WorkloadItem[]> {
    const { id } = await this.#requireMachine(applicationId);
    return (await this.rules.list(id)).map(toItem);
  }

  /** Makes a rule. @throws {Problem} `not_found`, `validation_failed`, `conflict` when there are too many */
  async create(caller: Caller, applicationId: string, input: WorkloadInput): Promise<WorkloadItem> {
    const { audience = this.#publicUrl } = input;
    const errors = [...this.#audienceErrors(audience), ...(await this.#issuerErrors(input.issuer))];
    if (errors.length > 0) {
      throw new Problem('validation_failed', { errors, reason: 'workload_rule_invalid' });
    }
    return this.#exclusively(applicationId, async (id, orgId) => {
      const known = await this.rules.list(id);
      const claims = JSON.stringify(input.claims);
      if (
        known.some(
          (one) =>
            one.issuer === input.issuer && one.audience === audience && isSame(claimsOf(one), input.claims),
        )
      ) {
        throw new Problem('conflict', {
          reason: 'workload_rule_known',
          detail: 'The machine has this rule already.',
        });
      }
      if (known.length >= mostRules) {
        throw new Problem('conflict', {
          reason: 'too_many_workload_rules',
          detail: `There are ${mostRules} rules already.`,
        });
      }
      const now = this.clock.now();
      const rule = {
        id: newId(now),
        application_id: id,
        issuer: input.issuer,
        audience,
        claims,
        created_by: caller.principal.claims.sub,
        created_at: now,
      };
      await this.rules.add(rule);
      await this.#record(workloadEvents.rule_created, caller, id, orgId);
      return toItem(rule);
    });
  }

  /** Removes a rule. All tokens of the machine end at once: which rule one came by isn't known. @throws {Problem} `not_found` */
  async delete(caller: Caller, applicationId: string, given: string): Promise<void> {
    const { data: ruleId = '' } = givenIdSchema.safeParse(given);
    await this.#exclusively(applicationId, async (id, orgId) => {
      const account = await this.users.findByIdentity(hydraClientIssuer, id);
      const isRemoved =
        account === undefined
          ? await this.rules.remove(id, ruleId)
          : await this.revocations.invalidateBy('user', account.id, async (part) =>
              this.rules.remove(id, ruleId, part),
            );
      if (!isRemoved) {
        throw new Problem('not_found', { reason: 'no_such_workload_rule' });
      }
      await this.#record(workloadEvents.rule_deleted, caller, id, orgId);
    });
  }

  /** Runs what changes the rules of a machine, while nothing else changes the machine. */
  async #exclusively<T>(given: string, act: (id: string, orgId: string | null) => Promise<T>): Promise<T> {
    const { id } = await this.#requireMachine(given);
    const { applications } = this.strategy;
    const run = async (): Promise<T> => act(id, (await this.#requireMachine(id)).orgId);
    return applications === undefined ? run() : applications.exclusively(id, run);
  }

  async #requireMachine(given: string): Promise<{ readonly id: string; readonly orgId: string | null }> {
    const { data: id } = givenIdSchema.safeParse(given);
    const application = id === undefined ? undefined : await this.strategy.applications?.find(id);
    if (application?.kind !== 'machine') {
      throw new Problem('not_found', {
        reason: 'no_such_machine',
        detail: 'There is no machine of this id.',
      });
    }
    return application;
  }

  #audienceErrors(audience: string): FieldError[] {
    return audience === this.#publicUrl || audience.startsWith(`${this.#publicUrl}/`)
      ? []
      : [
          {
            field: 'audience',
            message: 'must be PUBLIC_URL, or an address below it: no other service may accept it',
          },
        ];
  }

  async #issuerErrors(issuer: string): Promise<FieldError[]> {
    const fault = await this.issuers.faultOf(issuer);
    return fault === undefined ? [] : [{ field: 'issuer', message: fault }];
  }

  async #record(
    { type }: FeatureAuditEvent,
    { principal: { claims, credential }, client: { requestId, remoteAddress } }: Caller,
    applicationId: string,
    orgId: string | null,
  ): Promise<void> {
    await this.audit.record({
      type,
      target: { kind: 'application', id: applicationId },
      orgId: orgId ?? undefined,
      actor: { id: claims.sub, credential },
      requestId,
      remoteAddress,
    });
  }
}

function isSame(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

function toItem(rule: WorkloadRuleRow): WorkloadItem {
  const { id, issuer, audience, created_at: createdAt } = rule;
  return { id, issuer, audience, claims: claimsOf(rule), createdAt: toTimestamp(Number(createdAt)) };
}
