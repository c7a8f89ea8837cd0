import { Injectable } from '@nestjs/common';
import { Clock } from '../core/clock.service.js';
import { Problem } from '../core/problem.error.js';
import type { OrgRow } from '../database/database.schema.js';
import { roleMissing } from '../session/access.refusal.js';
import { domainIn, domainRecordOf, judgeDomain } from './domain.proof.js';
import { DomainRecords } from './domain.records.js';
import { type Caller, isAdministrator, readerStanding, requireId, requireMay } from './org.access.js';
import { OrgEvents } from './org.events.js';
import { type OrgChanges, OrgRepository } from './org.repository.js';

/** Confirms that a domain is an organisation's: by its DNS record, or by an administrator's word. */
@Injectable()
export class OrgDomains {
  readonly #orgs: OrgRepository;
  readonly #records: DomainRecords;
  readonly #events: OrgEvents;
  readonly #clock: Clock;

  constructor(orgs: OrgRepository, records: DomainRecords, events: OrgEvents, clock: Clock) {
    this.#orgs = orgs;
    this.#records = records;
    this.#events = events;
    this.#clock = clock;
  }

  /**
   * Looks for the DNS record of the organisation's domain, and confirms the domain when it's there.
   * @throws {Problem} `not_found`, `forbidden`; `conflict` without a domain, without the record, when DNS doesn't answer or isn't asked,
   *   and when another organisation has the domain.
   */
  async check(caller: Caller, given: string): Promise<OrgRow> {
    const id = requireId(given);
    const { principal } = caller;
    const found = await this.#orgs.find(id, principal.user.id);
    requireMay(readerStanding(principal, found?.role), 'org.update');
    const record = found === undefined ? null : domainRecordOf(found.org);
    if (found === undefined || record === null) {
      throw noDomain();
    }
    const answer = await this.#records.find(record.name);
    if (
      answer === 'off' ||
      answer === 'unknown' ||
      judgeDomain(found.org, answer, this.#clock.now()) !== 'seen'
    ) {
      throw notSeen(answer);
    }
    return this.#confirm(caller, found.org, 'dns');
  }

  /**
   * Confirms a domain by the word of an administrator of the deployment.
   * @param domain what the administrator confirms: the organisation may want another one by now.
   * @throws {Problem} `not_found`, `forbidden`, `conflict`
   */
  async confirm(caller: Caller, given: string, domain: string): Promise<OrgRow> {
    const { principal } = caller;
    if (!isAdministrator(principal)) {
      throw roleMissing('admin');
    }
    const found = await this.#orgs.find(requireId(given), principal.user.id);
    if (found === undefined) {
      throw new Problem('not_found', { reason: 'no_such_org' });
    }
    if (domainIn(found.org) !== domain) {
      throw noDomain();
    }
    return this.#confirm(caller, found.org, 'administrator');
  }

  async #confirm(caller: Caller, { id, ...before }: OrgRow, proof: 'dns' | 'administrator'): Promise<OrgRow> {
    const now = this.#clock.now();
    const wanted = before.claimed_domain ?? before.domain;
    const seen = proof === 'dns' ? { domain_seen_at: now, domain_checked_at: now } : {};
    const result = await this.#orgs.update(id, async (org): Promise<OrgChanges> => {
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
    await this.#events.record(caller, {
      type: 'org_domain_confirmed',
      target: { kind: 'org', id },
      orgId: id,
      reason: proof,
    });
    return result.org;
  }

  /** Looks again for the records of confirmed domains that weren't looked for lately. @returns how many were lost. */
  async recheck(): Promise<number> {
    let lost = 0;
    for (const org of await this.#orgs.takeDueDomains()) {
      const record = domainRecordOf(org);
      const answer = record === null ? 'unknown' : await this.#records.find(record.name);
      const now = this.#clock.now();
      const verdict = judgeDomain(org, answer, now);
      if (verdict === 'seen') {
        await this.#orgs.noteDomainSeen(org, now);
      } else if (verdict === 'lost' && (await this.#orgs.loseDomain(org))) {
        lost += 1;
        await this.#events.recordBySystem({
          type: 'org_domain_lost',
          target: { kind: 'org', id: org.id },
          orgId: org.id,
          reason: answer === 'unknown' ? 'dns_unanswered' : 'dns_record_absent',
        });
      }
    }
    return lost;
  }
}

function noDomain(): Problem {
  return new Problem('conflict', {
    detail: 'The organisation does not claim this domain.',
    reason: 'domain_not_claimed',
  });
}

function notSeen(answer: readonly string[] | 'unknown' | 'off'): Problem {
  switch (answer) {
    case 'off':
      return new Problem('conflict', {
        detail: 'DNS is not asked here: an administrator can confirm the domain.',
        reason: 'dns_off',
      });
    case 'unknown':
      return new Problem('conflict', {
        detail: 'DNS did not answer. Try again later.',
        reason: 'dns_unanswered',
      });
    default:
      return new Problem('conflict', {
        detail: 'The DNS record is not there, or not yet: it can take a while until everyone sees it.',
        reason: 'dns_record_absent',
      });
  }
}
