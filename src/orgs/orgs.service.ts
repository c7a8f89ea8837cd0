import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { newId } from '../core/identifier.js';
import { Problem } from '../core/problem.error.js';
import type { OrgRole, OrgRow } from '../database/database.schema.js';
import { requireMatch } from '../http/entity.tag.js';
import { type Page, decodeCursor, toPage } from '../http/page.cursor.js';
import { roleMissing } from '../session/access.refusal.js';
import type { Principal } from '../session/principal.js';
import { domainIn, domainRecordOf, domainStateOf } from './domain.proof.js';
import { domainOf } from './hosted.domain.js';
import { MembershipRepository } from './membership.repository.js';
import { type Caller, isAdministrator, readerStanding, requireId, requireMay } from './org.access.js';
import { OrgDirectory } from './org.directory.js';
import { OrgEvents } from './org.events.js';
import type { LockedOrg } from './org.lock.js';
import { type OrgChanges, type OrgOf, OrgRepository } from './org.repository.js';
import {
  type OrgAnswer,
  type newOrgSchema,
  type orgChangesSchema,
  orgIdPositionSchema,
  orgKeyPositionSchema,
} from './org.schemas.js';
import { slugsOf } from './org.slug.js';

const positionSchema = z.uuid();

/** An organisation, with the version of its row. */
export interface VersionedOrg {
  readonly answer: OrgAnswer;
  readonly version: number;
}

/** What a list asks for. */
export interface PageQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** Organisations: made, listed, changed and deleted by those who may. */
@Injectable()
export class OrgsService {
  readonly #orgs: OrgRepository;
  readonly #directory: OrgDirectory;
  readonly #members: MembershipRepository;
  readonly #events: OrgEvents;

  constructor(
    orgs: OrgRepository,
    directory: OrgDirectory,
    members: MembershipRepository,
    events: OrgEvents,
  ) {
    this.#orgs = orgs;
    this.#directory = directory;
    this.#members = members;
    this.#events = events;
  }

  /**
   * Makes an organisation, with the caller as its owner.
   * @throws {Problem} `conflict` when the slug is taken, `forbidden` for service accounts.
   */
  async create(caller: Caller, { name, slug }: z.output<typeof newOrgSchema>): Promise<VersionedOrg> {
    const { id: userId } = caller.principal.user;
    await this.#members.requirePerson(userId);
    const suffix = newId().slice(-8);
    const derived = slugsOf(name, suffix);
    const wanted = slug === undefined ? [derived.plain, derived.unique] : [slug];
    let org: OrgRow | undefined;
    for (const candidate of wanted) {
      org ??= candidate === undefined ? undefined : await this.#orgs.create(name, candidate, userId);
    }
    if (org === undefined) {
      throw taken('slug');
    }
    await this.#events.membershipChanged(userId);
    await this.#events.record(caller, {
      type: 'org_created',
      target: { kind: 'org', id: org.id },
      orgId: org.id,
    });
    return versioned({ org, role: 'owner' });
  }

  /** The caller's organisations. */
  async list({ user }: Principal, { limit, cursor }: PageQuery): Promise<Page<OrgAnswer>> {
    const after = decodeCursor(positionSchema, cursor);
    return toOrgPage(await this.#orgs.listOf(user.id, limit + 1, after), limit);
  }

  /**
   * All organisations, or those whose slug or name begins like the search, for administrators of the deployment.
   * @throws {Problem} `forbidden`, `validation_failed` for a cursor that isn't of this list.
   */
  async listAll(
    principal: Principal,
    { limit, cursor, search }: PageQuery & { readonly search?: string | undefined },
  ): Promise<Page<OrgAnswer>> {
    if (!isAdministrator(principal)) {
      throw roleMissing('admin');
    }
    const after =
      search === undefined
        ? decodeCursor(orgIdPositionSchema, cursor)
        : decodeCursor(orgKeyPositionSchema, cursor);
    const orgs = await this.#directory.list(principal.user.id, search, limit + 1, after);
    return toPage(
      orgs,
      limit,
      ({ found }) => toAnswer(found),
      ({ position }) => position,
    );
  }

  /** The organisation that the caller could join by their verified e-mail domain; one at most. */
  async listJoinable({ user }: Principal): Promise<Page<OrgAnswer>> {
    const { email, isVerified } = await this.#members.requirePerson(user.id);
    const domain = isVerified ? domainOf(email) : undefined;
    const org = domain === undefined ? undefined : await this.#orgs.findByDomain(domain);
    const found =
      org === undefined || org.join_policy === 'invite' ? undefined : await this.#orgs.find(org.id, user.id);
    return toOrgPage(found === undefined || found.role !== null ? [] : [found], 1);
  }

  /** @throws {Problem} `not_found` */
  async read(principal: Principal, id: string): Promise<VersionedOrg> {
    const found = await this.#orgs.find(requireId(id), principal.user.id);
    requireMay(readerStanding(principal, found?.role), 'org.read');
    return versioned(requireFound(found));
  }

  /**
   * Changes an organisation.
   * @param ifMatch as the caller sent it.
   * @throws {Problem} `not_found`, `forbidden`, `precondition_failed`, `conflict` (slug or domain taken),
   *   `validation_failed` when the domain isn't the caller's, or missing where the policy needs it.
   */
  async update(
    caller: Caller,
    id: string,
    wish: z.output<typeof orgChangesSchema>,
    ifMatch: string | undefined,
  ): Promise<VersionedOrg> {
    const { principal } = caller;
    const address =
      typeof wish.domain === 'string' ? await this.#members.requirePerson(principal.user.id) : undefined;
    const ownDomain = address?.isVerified === true ? domainOf(address.email) : undefined;
    let role: OrgRole | null = null;
    const before: { slug?: string } = {};
    const result = await this.#orgs.update(requireId(id), async (org) => {
      const standing = await org.standingOf(principal);
      requireMay(standing, 'org.update');
      ({ role } = standing);
      requireMatch(ifMatch, org.row.version);
      before.slug = org.row.slug;
      const changes = decideChanges(org, wish, ownDomain);
      if (
        typeof changes.claimed_domain === 'string' &&
        (await org.isProvenElsewhere(changes.claimed_domain))
      ) {
        throw taken('domain');
      }
      return changes;
    });
    if ('taken' in result) {
      throw taken(result.taken);
    }
    const { org } = result;
    if (org.slug !== before.slug) {
      await this.#events.orgChanged(org.id);
    }
    await this.#events.record(caller, {
      type: 'org_updated',
      target: { kind: 'org', id: org.id },
      orgId: org.id,
    });
    return versioned({ org, role });
  }

  /** Deletes an organisation with its memberships, invites and API keys. @throws {Problem} `not_found`, `forbidden` */
  async delete(caller: Caller, given: string, ifMatch: string | undefined): Promise<void> {
    const id = requireId(given);
    const { principal } = caller;
    await this.#orgs.withLocked(id, async (org) => {
      requireMay(await org.standingOf(principal), 'org.delete');
      requireMatch(ifMatch, org.row.version);
      // The accounts that only its API keys acted as.
      const robots = org.transaction.selectFrom('api_keys').select('user_id').where('org_id', '=', id);
      await org.transaction
        .deleteFrom('users')
        .where('kind', '=', 'service')
        .where('id', 'in', robots)
        .execute();
      await org.transaction.deleteFrom('orgs').where('id', '=', id).execute();
    });
    await this.#events.orgChanged(id);
    await this.#events.record(caller, { type: 'org_deleted', target: { kind: 'org', id }, orgId: id });
  }
}

/** @param ownDomain of the caller's verified e-mail address. @throws {Problem} `validation_failed` */
function decideChanges(
  { row }: LockedOrg,
  { name, slug, domain, joinPolicy }: z.output<typeof orgChangesSchema>,
  ownDomain: string | undefined,
): OrgChanges {
  const before = domainIn(row);
  if (typeof domain === 'string' && domain !== before && domain !== ownDomain) {
    throw invalid('domain', 'must be the domain of your own verified e-mail address');
  }
  const next = {
    domain: domain === undefined ? before : domain,
    policy: joinPolicy ?? row.join_policy,
  };
  if (next.domain === null && next.policy !== 'invite') {
    throw invalid('joinPolicy', 'must be invite as long as there is no domain');
  }
  return {
    ...(name === undefined ? {} : { name }),
    ...(slug === undefined ? {} : { slug }),
    ...(domain === undefined || domain === before ? {} : claimOf(domain)),
    ...(joinPolicy === undefined ? {} : { join_policy: joinPolicy }),
  };
}

/** A domain that is only wanted so far: whatever was confirmed before was another one. */
function claimOf(domain: string | null): OrgChanges {
  return {
    claimed_domain: domain,
    domain: null,
    domain_proof: null,
    domain_seen_at: null,
    domain_checked_at: null,
  };
}

function invalid(field: string, message: string): Problem {
  return new Problem('validation_failed', { errors: [{ field, message }] });
}

function taken(field: 'slug' | 'domain'): Problem {
  return new Problem('conflict', {
    detail: `Another organisation has this ${field}.`,
    reason: `${field}_taken`,
  });
}

function requireFound(found: OrgOf | undefined): OrgOf {
  if (found === undefined) {
    throw new Problem('not_found', { reason: 'no_such_org' });
  }
  return found;
}

function toOrgPage(rows: readonly OrgOf[], limit: number): Page<OrgAnswer> {
  return toPage(rows, limit, toAnswer, ({ org }) => org.id);
}

function versioned(found: OrgOf): VersionedOrg {
  return { answer: toAnswer(found), version: found.org.version };
}

function toAnswer({ org, role }: OrgOf): OrgAnswer {
  return {
    id: org.id,
    slug: org.slug,
    name: org.name,
    domain: domainIn(org),
    domainState: domainStateOf(org),
    domainProof: domainStateOf(org) === 'confirmed' ? org.domain_proof : null,
    domainRecord: domainRecordOf(org),
    joinPolicy: org.join_policy,
    role,
    createdAt: new Date(org.created_at).toISOString(),
    updatedAt: new Date(org.updated_at).toISOString(),
  };
}
