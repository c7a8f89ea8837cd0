import type { OrgRow } from '../database/database.schema.js';
import type { DomainAnswer } from './domain.records.js';

const day = 86_400_000;
/** How long a record may be absent, and how long DNS may not answer, before the domain is lost. */
const absentFor = 3 * day;
const unansweredFor = 30 * day;

/** A DNS record that proves a domain to be an organisation's. */
export interface DomainRecord {
  /** Name of the TXT record. */
  readonly name: string;
  readonly value: string;
}

/** How far an organisation is with its domain. */
export type DomainState = 'none' | 'unconfirmed' | 'confirmed';

/** The domain that an organisation has or wants. */
export function domainIn({ domain, claimed_domain: claimed }: OrgRow): string | null {
  return claimed ?? domain;
}

export function domainStateOf(org: OrgRow): DomainState {
  if (confirmedDomainOf(org) !== null) {
    return 'confirmed';
  }
  return domainIn(org) === null ? 'none' : 'unconfirmed';
}

/** The domain that is proven to be an organisation's. One that a replica of an older version has written, without a proof, isn't. */
export function confirmedDomainOf({
  domain,
  claimed_domain: claimed,
  domain_proof: proof,
}: OrgRow): string | null {
  return proof !== null && domain === claimed ? domain : null;
}

/**
 * The record for the domain that an organisation has or wants. The organisation's id needs no secrecy: only who controls the domain can
 * publish it there, and that names the one organisation that they mean.
 */
export function domainRecordOf(org: OrgRow): DomainRecord | null {
  const domain = domainIn(org);
  return domain === null
    ? null
    : { name: `_vestibule-challenge.${domain}`, value: `vestibule-org=${org.id}` };
}

/** What a look at DNS makes of a domain. @param now milliseconds. */
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
