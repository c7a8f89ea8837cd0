import { Injectable } from '@nestjs/common';
import { type Caller, isAdministrator } from '../session/principal.js';
import { Clock } from '../platform/time/clock.service.js';
import { PeriodicTask } from '../platform/time/periodic-task.js';
import { Problem } from '../platform/errors/problem.error.js';
import type { OrgRow } from '../platform/database/database.schema.js';
import { roleMissing } from '../session/guards/authorization.js';
import { domainIn, domainRecordOf, judgeDomain } from './domain-proof.js';
import { DomainRecords } from './domain-records.js';
import { requireFound, requireId, requireMay, readerStanding } from './org-access.js';
import { OrgEvents } from './org-events.js';
import { type OrgChanges, OrgRepository } from './org.repository.js';

/**
 * Confirms organisations' domains: by DNS record, or for an administrator. Once an hour, it looks up the DNS records of domains that
 * are due for another check; any number of replicas may do so.
 */
@Injectable()
export class OrgDomains extends PeriodicTask {
  constructor(
    private readonly orgs: OrgRepository,
    private readonly records: DomainRecords,
    private readonly events: OrgEvents,
    private readonly clock: Clock,
  ) {
    super({ message: 'domains of organisations cannot be checked', reason: 'domain_check_failed' });
  }

  /**
   * Looks up the DNS record of the organisation's domain, and confirms the domain if it's there.
   * @throws {Problem} `not_found`, `forbidden`; `domain_unconfirmed` without a domain, without the record, and if DNS doesn't answer or
   *   isn't used; `conflict` if another organisation has the domain.
   */
  async check(caller: Caller, given: string): Promise<OrgRow> {
    const id = requireId(given);
    const { principal } = caller;
    const found = await this.orgs.find(id, principal);
    requireMay(readerStanding(principal, found), 'org.update');
    const record = found === undefined ? null : domainRecordOf(found.org);
    if (found === undefined || record === null) {
      throw noDomain();
    }
    const { org } = found;
    const answer = await this.records.find(record.name);
    if (judgeDomain(org, answer, this.clock.now()) !== 'seen') {
      throw notSeen(answer);
    }
    return this.#confirm(caller, org, 'dns');
  }

  /**
   * Confirms a domain for an administrator of the deployment.
   * @param domain the domain that the administrator means: the organisation may claim another one by now.
   * @throws {Problem} `not_found`, `forbidden`, `domain_unconfirmed`, `conflict`
   */
  async confirm(caller: Caller, given: string, domain: string): Promise<OrgRow> {
    const { principal } = caller;
    if (!isAdministrator(principal)) {
      throw roleMissing('admin');
    }
    const { org } = requireFound(await this.orgs.find(requireId(given), principal));
    if (domainIn(org) !== domain) {
      throw noDomain();
    }
    return this.#confirm(caller, org, 'administrator');
  }

  async #confirm(caller: Caller, { id, ...before }: OrgRow, proof: 'dns' | 'administrator'): Promise<OrgRow> {
    const now = this.clock.now();
    const wanted = before.claimed_domain ?? before.domain;
    const seen = proof === 'dns' ? { domain_seen_at: now, domain_checked_at: now } : {};
    const result = await this.orgs.update(id, async (org): Promise<OrgChanges> => {
      const standing = await org.standingOf(caller.principal);
      requireMay(standing, 'org.update');
      if (proof === 'administrator' && !standing.isAdministrator) {
        throw roleMissing('admin');
      }
      if (domainIn(org.row) !== wanted) {
        throw noDomain();
      }
      return { domain: wanted, claimed_domain: wanted, domain_proof: proof, ...seen };
    });
    if ('taken' in result) {
      throw new Problem('conflict', {
        detail: 'Another organisation has this domain.',
        reason: 'domain_taken',
      });
    }
    await this.events.recordOrg(caller, 'org_domain_confirmed', id, proof);
    return result.org;
  }

  /** Checks again the DNS records that weren't checked during the last day. @returns how many domains were lost. */
  async recheck(): Promise<number> {
    let lost = 0;
    for (const org of await this.orgs.takeDueDomains()) {
      const record = domainRecordOf(org);
      const answer = record === null ? 'unknown' : await this.records.find(record.name);
      const now = this.clock.now();
      const verdict = judgeDomain(org, answer, now);
      if (verdict === 'seen') {
        await this.orgs.noteDomainSeen(org, now);
      } else if (verdict === 'lost' && (await this.orgs.loseDomain(org))) {
        lost += 1;
        await this.events.recordBySystem({
          type: 'org_domain_lost',
          target: { kind: 'org', id: org.id },
          orgId: org.id,
          reason: answer === 'unknown' ? 'dns_unanswered' : 'dns_record_absent',
        });
      }
    }
    return lost;
  }

  protected override run(): Promise<unknown> {
    return this.recheck();
  }
}

function noDomain(): Problem {
  return new Problem('domain_unconfirmed', {
    detail: 'The organisation does not claim this domain.',
    reason: 'domain_not_claimed',
  });
}

function notSeen(answer: readonly string[] | 'unknown' | 'off'): Problem {
  switch (answer) {
    case 'off':
      return new Problem('domain_unconfirmed', {
        detail: 'DNS is not asked here: an administrator can confirm the domain.',
        reason: 'dns_off',
      });
    case 'unknown':
      return new Problem('domain_unconfirmed', {
        detail: 'DNS did not answer. Try again later.',
        reason: 'dns_unanswered',
      });
    default:
      return new Problem('domain_unconfirmed', {
        detail: 'The DNS record is not there, or not yet: it can take a while until everyone sees it.',
        reason: 'dns_record_absent',
      });
  }
}
