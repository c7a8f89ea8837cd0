import { Injectable } from '@nestjs/common';
import { type Caller, isAdministrator } from '../../session/principal.js';
import { Clock } from '../../platform/time/clock.service.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { OrgRow } from '../../platform/database/database.schema.js';
import { roleMissing } from '../../session/guards/authorization.js';
import { domainIn, domainRecordOf, judgeDomain } from '../../orgs/domain-proof.js';
import { DomainRecords } from '../../orgs/domain-records.js';
import { requireFound, requireId, requireMay, readerStanding } from '../../orgs/org-access.js';
import { OrgEvents } from '../../orgs/org-events.js';
import { type OrgChanges, OrgRepository } from '../../orgs/org.repository.js';
import { orgProblems } from './org-problems.js';
import { orgEvents } from './org-audit-events.js';

/** Confirms organisations' domains: by DNS record, or for an administrator. */
@Injectable()
export class OrgDomains {
  constructor(
    private readonly orgs: OrgRepository,
    private readonly records: DomainRecords,
    private readonly events: OrgEvents,
    private readonly clock: Clock,
  ) {}

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
    await this.events.recordOrg(caller, orgEvents.org_domain_confirmed.type, id, proof);
    return result.org;
  }
}

function noDomain(): Problem {
  return new Problem(orgProblems.domain_unconfirmed, {
    detail: 'The organisation does not claim this domain.',
    reason: 'domain_not_claimed',
  });
}

function notSeen(answer: readonly string[] | 'unknown' | 'off'): Problem {
  switch (answer) {
    case 'off':
      return new Problem(orgProblems.domain_unconfirmed, {
        detail: 'DNS is not asked here: an administrator can confirm the domain.',
        reason: 'dns_off',
      });
    case 'unknown':
      return new Problem(orgProblems.domain_unconfirmed, {
        detail: 'DNS did not answer. Try again later.',
        reason: 'dns_unanswered',
      });
    default:
      return new Problem(orgProblems.domain_unconfirmed, {
        detail: 'The DNS record is not there, or not yet: it can take a while until everyone sees it.',
        reason: 'dns_record_absent',
      });
  }
}
