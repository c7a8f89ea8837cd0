import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/time/clock.service.js';
import { PeriodicTask } from '../platform/time/periodic-task.js';
import { domainRecordOf, judgeDomain } from './domain-proof.js';
import { DomainRecords } from './domain-records.js';
import { OrgEvents } from './org-events.js';
import { OrgRepository } from './org.repository.js';

/**
 * Looks up the DNS records of confirmed domains once an hour, those that are due for another check. Any number of replicas may do so.
 * Connections and consent pages rely on it, also where the routes that confirm a domain are left out.
 */
@Injectable()
export class DomainRechecks extends PeriodicTask {
  constructor(
    private readonly orgs: OrgRepository,
    private readonly records: DomainRecords,
    private readonly events: OrgEvents,
    private readonly clock: Clock,
  ) {
    super({ message: 'domains of organisations cannot be checked', reason: 'domain_check_failed' });
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
