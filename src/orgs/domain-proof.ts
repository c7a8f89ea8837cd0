import type { OrgRow } from '../platform/database/database.schema.js';
import type { DomainAnswer } from './domain-records.js';

const day = 86_400_000;
/** Milliseconds for which a record may be absent before the domain is lost, and for which DNS may fail to answer. */
const absentFor = 3 * day;
const unansweredFor = 30 * day;

/** The DNS record that proves that an organisation owns a domain. */
export interface DomainRecord {
  /** Name of the TXT record. */
  readonly name: string;
  readonly value: string;
}

/** The state of an organisation's domain. */
export type DomainState = 'none' | 'unconfirmed' | 'confirmed';

/** The domain that an organisation has confirmed or claims; null if there is none. */
export function domainIn({ domain, claimed_domain: claimed }: OrgRow): string | null {
  return claimed ?? domain;
}

export function domainStateOf(org: OrgRow): DomainState {
  if (confirmedDomainOf(org) !== null) {
    return 'confirmed';
  }
  return domainIn(org) === null ? 'none' : 'unconfirmed';
}

/** An organisation's confirmed domain. A domain that a replica of an older version wrote without a proof doesn't count. */
export function confirmedDomainOf({
  domain,
  claimed_domain: claimed,
  domain_proof: proof,
}: OrgRow): string | null {
  return proof !== null && domain === claimed ? domain : null;
}

/**
 * The DNS record that confirms the domain of an organisation; null if there is no domain. The organisation's id in it needn't be
 * secret. Only the domain's owner can publish it there, and it names the one organisation that the owner means.
 */
export function domainRecordOf(org: OrgRow): DomainRecord | null {
  const domain = domainIn(org);
  return domain === null
    ? null
    : { name: `_vestibule-challenge.${domain}`, value: `vestibule-org=${org.id}` };
}

/** The verdict on a domain after a DNS look-up. @param now milliseconds since the epoch. */
export function judgeDomain(org: OrgRow, answer: DomainAnswer, now: number): 'seen' | 'kept' | 'lost' {
  if (answer === 'off') {
    return 'kept';
  }
  const wanted = domainRecordOf(org)?.value;
  if (answer !== 'unknown' && wanted !== undefined && answer.some((text) => text.trim() === wanted)) {
    return 'seen';
  }
  const grace = answer === 'unknown' ? unansweredFor : absentFor;
  return now - (org.domain_seen_at ?? 0) > grace ? 'lost' : 'kept';
}
