import { Injectable } from '@nestjs/common';
import { toTimestamp } from '../../platform/time/timestamp.schema.js';
import type { z } from 'zod';
import { idSchema } from '../../platform/core/id.schema.js';
import { newId } from '../../platform/core/identifier.js';
import { type FieldError, Problem } from '../../platform/errors/problem.error.js';
import type { OrgRole, OrgRow } from '../../platform/database/database.schema.js';
import { requireMatch } from '../../platform/http/entity-tag.js';
import { type Page, type PageQuery, decodeCursor, toPage } from '../../platform/http/page-cursor.js';
import { roleMissing, secondFactorMissing } from '../../session/guards/authorization.js';
import { hasSecondFactor } from '../../session/tokens/account-claims.js';
import { type Caller, type Principal, isAdministrator } from '../../session/principal.js';
import { OrphanedApplications } from '../../orgs/orphaned-applications.js';
import { deleteServiceAccounts } from '../../directory/users/user-rows.js';
import { domainIn, domainRecordOf, domainStateOf } from '../../orgs/domain-proof.js';
import { domainOf } from './hosted-domain.js';
import { MembershipRepository } from '../../orgs/membership.repository.js';
import {
  type CallerStanding,
  type OrgOf,
  requireId,
  requireMay,
  requireReadable,
} from '../../orgs/org-access.js';
import { OrgDirectory } from './org-directory.js';
import { OrgEvents } from '../../orgs/org-events.js';
import { OrgNames } from '../../orgs/org-names.js';
import type { LockedOrg } from '../../orgs/org-lock.js';
import { type OrgChanges, OrgRepository } from '../../orgs/org.repository.js';
import type { OrgAnswer } from '../../orgs/org.schemas.js';
import { type newOrgSchema, type orgChangesSchema, orgKeyPositionSchema } from './org-management.schemas.js';
import { idPositionSchema } from '../../directory/users/profile-input.js';
import { slugsOf } from './org-slug.js';
import { orgEvents } from './org-audit-events.js';

/** New short names of an organisation in a year: they are never given again, so that they mustn't be used up. */
const [mostRenames, oneYear] = [3, 365 * 86_400_000];

/** An organisation as a response contains it, with the version of its row. */
export interface VersionedOrg {
  readonly answer: OrgAnswer;
  readonly version: number;
}

/** Creates, lists, changes and deletes organisations, if the policy allows the caller to. */
@Injectable()
export class OrgsService {
  constructor(
    private readonly orgs: OrgRepository,
    private readonly directory: OrgDirectory,
    private readonly members: MembershipRepository,
    private readonly events: OrgEvents,
    private readonly applications: OrphanedApplications,
    private readonly names: OrgNames,
  ) {}

  /**
   * Creates an organisation, with the caller as its owner.
   * @throws {Problem} `conflict` if the slug is taken; `forbidden` for service accounts; `email_unverified`; `validation_failed` for
   *   reserved names; `quota_reached`
   */
  async create(caller: Caller, { name, slug }: z.output<typeof newOrgSchema>): Promise<VersionedOrg> {
    const { id: userId } = caller.principal.user;
    const { isVerified } = await this.members.requirePerson(userId);
    const isByAdministrator = isAdministrator(caller.principal);
    if (!isVerified && !isByAdministrator) {
      // Others see the name, and programs compare the slug: those who give them are known by an address.
      throw new Problem('email_unverified', {
        detail: 'Only users with a verified e-mail address can make an organisation.',
        reason: 'org_maker_unverified',
      });
    }
    const suffix = newId().slice(-8);
    const derived = slugsOf(name, suffix);
    const wanted = slug === undefined ? [derived.plain, derived.unique] : [slug];
    const first = slug ?? derived.plain ?? derived.unique;
    const faults = isByAdministrator ? [] : await this.names.faultsOf({ name, slug: first });
    const ofName = faults.filter(({ field }) => field === 'name');
    // A slug that is made from the name is as wrong as that, and isn't reported again.
    requireNone(slug === undefined && ofName.length > 0 ? ofName : faults);
    let org: OrgRow | undefined;
    for (const candidate of wanted) {
      org ??=
        candidate === undefined
          ? undefined
          : await this.orgs.create(name, candidate, userId, isByAdministrator);
    }
    if (org === undefined) {
      throw taken('slug');
    }
    await this.events.membershipChanged(userId);
    await this.events.recordOrg(caller, orgEvents.org_created.type, org.id);
    return versioned({ org, role: 'owner' });
  }

  /** The organisations that the caller is a member of. @throws {Problem} `validation_failed` for a cursor of another list. */
  async list(principal: Principal, { limit, cursor }: PageQuery): Promise<Page<OrgAnswer>> {
    const after = decodeCursor(idSchema, cursor);
    const only = await this.orgs.vouchingOrgOf(principal);
    return toOrgPage(await this.orgs.listOf(principal.user.id, limit + 1, after, only), limit);
  }

  /**
   * All organisations, for administrators of the deployment. A search finds a whole id, or slugs and names that begin with it.
   * @throws {Problem} `forbidden`, `validation_failed` for a cursor of another list.
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
        ? decodeCursor(idPositionSchema, cursor)
        : decodeCursor(orgKeyPositionSchema, cursor);
    const orgs = await this.directory.list(principal.user.id, search, limit + 1, after);
    return toPage(
      orgs,
      limit,
      ({ found }) => toAnswer(found),
      ({ position }) => position,
    );
  }

  /** The organisation that the caller could join by their verified e-mail domain; at most one. */
  async listJoinable(principal: Principal): Promise<Page<OrgAnswer>> {
    const { email, isVerified } = await this.members.requirePerson(principal.user.id);
    const domain = isVerified ? domainOf(email) : undefined;
    const org = domain === undefined ? undefined : await this.orgs.findByDomain(domain);
    const found =
      org === undefined || org.join_policy === 'invite' ? undefined : await this.orgs.find(org.id, principal);
    return toOrgPage(found === undefined || found.role !== null ? [] : [found], 1);
  }

  /** Reads an organisation. @throws {Problem} `not_found` */
  async read(principal: Principal, id: string): Promise<VersionedOrg> {
    const found = await this.orgs.find(requireId(id), principal);
    return versioned(requireReadable(principal, found, 'org.read'));
  }

  /**
   * Changes an organisation.
   * @param ifMatch the `If-Match` header, as the caller sent it.
   * @throws {Problem} `not_found`, `forbidden`, `precondition_failed`; `conflict` if the slug or the domain is taken;
   *   `validation_failed` if the domain isn't that of the caller's verified address, or is missing although the policy needs it.
   */
  async update(
    caller: Caller,
    id: string,
    input: z.output<typeof orgChangesSchema>,
    ifMatch: string | undefined,
  ): Promise<VersionedOrg> {
    const { principal } = caller;
    const faults = await this.names.faultsOf(input);
    const address =
      typeof input.domain === 'string' ? await this.members.requirePerson(principal.user.id) : undefined;
    const ownDomain = address?.isVerified === true ? domainOf(address.email) : undefined;
    let role: OrgRole | null = null;
    const before: Partial<Pick<OrgRow, 'slug' | 'second_factor'>> = {};
    const result = await this.orgs.update(requireId(id), async (org) => {
      const standing = await org.standingOf(principal);
      requireMay(standing, 'org.update');
      ({ role } = standing);
      requireMatch(ifMatch, org.row.version);
      before.slug = org.row.slug;
      if (!standing.isAdministrator && input.name !== org.row.name) {
        requireNone(faults.filter(({ field }) => field === 'name'));
      }
      await requireSlug(org, caller, standing, {
        slug: input.slug,
        faults: faults.filter(({ field }) => field === 'slug'),
      });
      requireOwnFactor(principal, org, input);
      before.second_factor = org.row.second_factor;
      const changes = decideChanges(org, input, ownDomain);
      if (
        typeof changes.claimed_domain === 'string' &&
        (await org.isProvenElsewhere(changes.claimed_domain))
      ) {
        throw taken('domain');
      }
      if (input.secondFactor !== undefined && input.secondFactor !== org.row.second_factor) {
        await this.events.orgChanges(org);
      }
      return changes;
    });
    if ('taken' in result) {
      throw taken(result.taken);
    }
    const { org } = result;
    const hasPolicy = org.second_factor !== before.second_factor;
    if (org.slug !== before.slug || hasPolicy) {
      await this.events.orgChanged(org.id);
    }
    const reason = hasPolicy ? `second_factor_${org.second_factor}` : undefined;
    await this.events.recordOrg(caller, orgEvents.org_updated.type, org.id, reason);
    return versioned({ org, role });
  }

  /**
   * Deletes an organisation with its memberships, invites, API keys and applications.
   * @param ifMatch the `If-Match` header, as the caller sent it.
   * @throws {Problem} `not_found`, `forbidden`, `precondition_failed`
   */
  async delete(caller: Caller, given: string, ifMatch: string | undefined): Promise<void> {
    const id = requireId(given);
    const { principal } = caller;
    const robots = await this.orgs.withLocked(id, async (org) => {
      requireMay(await org.standingOf(principal), 'org.delete');
      requireMatch(ifMatch, org.row.version);
      // The service accounts of its API keys belong to this organisation alone, so they go too.
      const keys = await org.transaction
        .selectFrom('api_keys')
        .select(['user_id', 'revoked_at'])
        .where('org_id', '=', id)
        .execute();
      await deleteServiceAccounts(
        org.transaction,
        keys.map(({ user_id: userId }) => userId),
      );
      await org.keepSlug();
      await this.events.orgChanges(org);
      const live = keys.filter(({ revoked_at: revokedAt }) => revokedAt === null);
      for (const { user_id: userId } of live) {
        // Tokens in which they act are of users who may never have been in this organisation.
        await this.events.membershipTaken(org, userId);
      }
      await org.delete();
      return live;
    });
    await this.events.orgChanged(id);
    for (const { user_id: userId } of robots) {
      await this.events.membershipChanged(userId);
    }
    await this.events.recordOrg(caller, orgEvents.org_deleted.type, id);
    await this.applications.remove();
  }
}

/** The changes to store. @param ownDomain the domain of the caller's verified address. @throws {Problem} `validation_failed` */
function decideChanges(
  { row }: LockedOrg,
  { name, slug, domain, joinPolicy, secondFactor }: z.output<typeof orgChangesSchema>,
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
    ...(secondFactor === undefined ? {} : { second_factor: secondFactor }),
  };
}

/**
 * Requires a second factor of a caller who begins to require one of others: otherwise they would shut themselves out, and could
 * require what they don't have.
 * @throws {Problem} `reauthentication_required`; `validation_failed` where there is no such policy.
 */
function requireOwnFactor(
  { claims }: Principal,
  { row: { second_factor: before }, time: { factors } }: LockedOrg,
  { secondFactor }: z.output<typeof orgChangesSchema>,
): void {
  const isRequired = secondFactor !== undefined && secondFactor !== before && secondFactor !== 'none';
  if (isRequired && !factors.areServed) {
    throw invalid('secondFactor', 'must be none: it can’t be required here');
  }
  if (isRequired && !hasSecondFactor(claims)) {
    throw secondFactorMissing();
  }
}

/** The columns of a new, unconfirmed claim to a domain. An earlier confirmation was for another domain, so it is cleared. */
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

/** @throws {Problem} `validation_failed` */
function requireNone(errors: readonly FieldError[]): void {
  if (errors.length > 0) {
    throw new Problem('validation_failed', { errors, reason: 'org_name_reserved' });
  }
}

/**
 * Gives an organisation the slug that a change names. Its own former one may come back, whatever it reads like.
 * @param wanted.faults of a new slug.
 * @throws {Problem} `validation_failed`, `conflict`, `quota_reached`
 */
async function requireSlug(
  org: LockedOrg,
  { principal }: Caller,
  standing: CallerStanding,
  { slug, faults }: { readonly slug: string | undefined; readonly faults: readonly FieldError[] },
): Promise<void> {
  if (slug === undefined || (slug === org.row.slug && !standing.isAdministrator)) {
    return;
  }
  if (!standing.isAdministrator && !(await org.hadSlug(slug))) {
    requireNone(faults);
    if ((await org.countRenames(org.time.now - oneYear)) >= mostRenames) {
      throw new Problem('quota_reached', {
        detail: `An organisation can have ${mostRenames} new short names in a year. Its former ones may come back.`,
        reason: 'org_renamed_often',
      });
    }
  }
  if (!(await org.takeSlug(slug, principal.user.id, standing.isAdministrator))) {
    throw taken('slug');
  }
}

function taken(field: 'slug' | 'domain'): Problem {
  return new Problem('conflict', {
    detail: `Another organisation has this ${field}.`,
    reason: `${field}_taken`,
  });
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
    secondFactor: org.second_factor,
    role,
    createdAt: toTimestamp(org.created_at),
    updatedAt: toTimestamp(org.updated_at),
  };
}
