import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { z } from 'zod';
import { type AuditEvent, AuditService } from '../audit/audit.service.js';
import { Clock } from '../core/clock.service.js';
import { newId } from '../core/identifier.js';
import { Problem } from '../core/problem.error.js';
import type { ApiKeyRow, Schema } from '../database/database.schema.js';
import { type Page, decodeCursor, toPage } from '../http/page.cursor.js';
import { apiKeyClientId } from '../session/key.authenticator.js';
import { type Principal, hasSession } from '../session/principal.js';
import { RevocationService } from '../session/revocation.service.js';
import { assertScope } from '../session/scope.check.js';
import { covers, fullScope } from '../session/scopes.js';
import { apiKeyPrefix, makeApiKey } from './api-key.format.js';
import { ApiKeyRepository, type InsertOutcome, type KeyOwner } from './api-key.repository.js';
import type { CreatedKey, KeyItem, KeyWish } from './api-key.schemas.js';

/** Live keys that a person, or an organisation, may have. */
export const maximumLiveKeys = 50;
const longestLife = 366 * 86_400_000;
const idSchema = z.uuid().toLowerCase();

/** Where a request comes from, for the audit trail. */
export type KeyRequestOrigin = Pick<AuditEvent, 'requestId' | 'remoteAddress'>;

/** The organisation that a key is made for, and as what its service account belongs to it. */
export interface OrgKeyPlace {
  readonly orgId: string;
  readonly role: 'admin' | 'member';
  /** Throws unless the caller may make the key; asked once nobody can change the organisation any more. */
  readonly requireMaker: (transaction: Transaction<Schema>) => Promise<void>;
}

/** Bounds of what a credential makes. */
interface Reach {
  /** Milliseconds since the epoch; null: no end. */
  readonly endsAt: number | null;
  /** The only organisation it acts in; null: any of its person's. */
  readonly orgId: string | null;
}

/** API keys: made, listed, revoked. Who may manage an organisation's keys is decided before; what a key may do, here. */
@Injectable()
export class ApiKeysService {
  readonly #keys: ApiKeyRepository;
  readonly #revocations: RevocationService;
  readonly #audit: AuditService;
  readonly #clock: Clock;

  constructor(keys: ApiKeyRepository, revocations: RevocationService, audit: AuditService, clock: Clock) {
    this.#keys = keys;
    this.#revocations = revocations;
    this.#audit = audit;
    this.#clock = clock;
  }

  /**
   * Makes a key: the caller's own, or one of an organisation with a service account of its own. What a token or a key makes ends with
   * it and stays in its organisation.
   * @throws {Problem} `insufficient_scope` when it would do more than the caller may, `validation_failed` for its expiry,
   * `conflict` when there are too many, `forbidden` to service accounts, to delegates, and to tokens of another organisation,
   * `email_unverified` to people who have an address and haven't verified it.
   */
  async create(
    principal: Principal,
    wish: KeyWish,
    origin: KeyRequestOrigin,
    place?: OrgKeyPlace,
  ): Promise<CreatedKey> {
    const { claims } = principal;
    if (claims.act !== undefined) {
      // The key would go on when the delegation is over, and would no more say who acts.
      throw new Problem('forbidden', { reason: 'api_key_by_delegate' });
    }
    assertScope(claims, wish.scope, 'api_key_wider_than_its_maker');
    if (place !== undefined && place.orgId !== claims.org?.id && !covers(claims.scope, fullScope)) {
      throw new Problem('forbidden', { reason: 'api_key_of_another_org' });
    }
    const now = this.#clock.now();
    const reach = await this.#reachOf(principal);
    const id = newId(now);
    const { key, secretHash } = makeApiKey(id);
    const row = {
      id,
      secret_hash: secretHash,
      name: wish.name,
      user_id: place === undefined ? claims.sub : newId(now),
      org_id: place?.orgId ?? null,
      within_org_id: place === undefined ? reach.orgId : null,
      scope: wish.scope.join(' '),
      created_by: claims.sub,
      created_at: now,
      expires_at: expiryOf(wish.expiresAt, now, reach.endsAt),
      last_used_at: null,
      revoked_at: null,
    };
    requireInserted(
      place === undefined
        ? await this.#keys.insertOwn(row, maximumLiveKeys, hasSession(principal) ? claims.sid : undefined)
        : await this.#keys.insertForOrg({ ...row, org_id: place.orgId }, place, maximumLiveKeys),
    );
    await this.#record('api_key_created', principal, row, origin);
    const { lastUsedAt: _, ...item } = toItem(row);
    return { ...item, key };
  }

  /** Keys that haven't been revoked, oldest first. @throws {Problem} `validation_failed` for a foreign cursor. */
  async list(
    owner: KeyOwner,
    { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
  ): Promise<Page<KeyItem>> {
    const after = decodeCursor(idSchema, cursor);
    const rows = await this.#keys.list(owner, limit + 1, after);
    return toPage(rows, limit, toItem, ({ id }) => id);
  }

  /** The same with what the service accounts are in the organisation; null for one that was removed from it. */
  async listOfOrg(
    orgId: string,
    page: { readonly limit: number; readonly cursor?: string | undefined },
  ): Promise<Page<KeyItem & { userId: string; role: string | null }>> {
    const after = decodeCursor(idSchema, page.cursor);
    const rows = await this.#keys.list({ orgId }, page.limit + 1, after);
    const userIds = rows.map(({ user_id: userId }) => userId);
    const roles = await this.#keys.rolesIn(orgId, userIds);
    return toPage(
      rows,
      page.limit,
      (row) => ({ ...toItem(row), userId: row.user_id, role: roles.get(row.user_id) ?? null }),
      ({ id }) => id,
    );
  }

  /**
   * Revokes a key: dead at once here, within the revocation bound on other replicas, and so are tokens made from it.
   * @param id as the caller gave it.
   * @throws {Problem} `not_found` when it's no live key of this owner's.
   */
  async revoke(principal: Principal, owner: KeyOwner, id: unknown, origin: KeyRequestOrigin): Promise<void> {
    const parsed = idSchema.safeParse(id);
    const row = parsed.success ? await this.#keys.revoke(owner, parsed.data) : undefined;
    if (row === undefined) {
      throw new Problem('not_found', { reason: 'no_such_api_key' });
    }
    await this.#revocations.endKey(row.id);
    await this.#record('api_key_revoked', principal, row, origin);
  }

  /**
   * Revokes the keys that were made with an account before its owner had proven to be it.
   * @param before only older ones, in milliseconds since the epoch.
   */
  async revokeMadeBy(userId: string, before: number, origin: KeyRequestOrigin): Promise<void> {
    for (const row of await this.#keys.revokeMadeBy(userId, before)) {
      await this.#revocations.endKey(row.id);
      await this.#audit.record({
        type: 'api_key_revoked',
        userId: row.user_id,
        target: { kind: 'api_key', id: row.id },
        orgId: row.org_id ?? undefined,
        requestId: origin.requestId,
        remoteAddress: origin.remoteAddress,
        reason: 'owner_proven',
      });
    }
  }

  /** How far a key reaches that this caller makes: as far as the caller, and for as long. A session has no such bounds. */
  async #reachOf({ claims, credential }: Principal): Promise<Reach> {
    if (credential === 'cookie') {
      return { endsAt: null, orgId: null };
    }
    const parent = claims.client_id === apiKeyClientId ? await this.#keys.find(claims.sid) : undefined;
    if (credential === 'api_key') {
      return { endsAt: parent?.expires_at ?? null, orgId: parent?.within_org_id ?? null };
    }
    const endsAt = Math.min(claims.exp * 1000, parent?.expires_at ?? Number.POSITIVE_INFINITY);
    return { endsAt, orgId: claims.org?.id ?? null };
  }

  async #record(
    type: 'api_key_created' | 'api_key_revoked',
    { claims, credential }: Principal,
    row: ApiKeyRow,
    { requestId, remoteAddress }: KeyRequestOrigin,
  ): Promise<void> {
    await this.#audit.record({
      type,
      userId: row.user_id,
      actor: { id: claims.sub, credential },
      target: { kind: 'api_key', id: row.id },
      orgId: row.org_id ?? undefined,
      requestId,
      remoteAddress,
    });
  }
}

function toItem(row: ApiKeyRow): KeyItem {
  return {
    id: row.id,
    name: row.name,
    prefix: apiKeyPrefix(row.id),
    scope: row.scope,
    createdAt: new Date(row.created_at).toISOString(),
    expiresAt: row.expires_at === null ? null : new Date(row.expires_at).toISOString(),
    lastUsedAt: row.last_used_at === null ? null : new Date(row.last_used_at).toISOString(),
  };
}

/**
 * When a new key ends; null for never.
 * @param endsAt of the credential that makes it.
 * @throws {Problem} `validation_failed`
 */
function expiryOf(wished: string | null, now: number, endsAt: number | null): number | null {
  if (wished === null) {
    return endsAt;
  }
  const at = Date.parse(wished);
  if (!(at > now && at <= (endsAt ?? now + longestLife))) {
    const limit =
      endsAt === null ? 'at most a year ahead' : 'not after the end of the credential that makes it';
    throw new Problem('validation_failed', {
      errors: [{ field: 'expiresAt', message: `must be in the future and ${limit}` }],
    });
  }
  return at;
}

function requireInserted(outcome: InsertOutcome): void {
  switch (outcome) {
    case 'inserted':
      return;
    case 'full':
      throw new Problem('conflict', {
        detail: `There can be ${maximumLiveKeys} live keys at most: revoke one first.`,
        reason: 'api_keys_full',
      });
    case 'unverified':
      // Whoever registers an address that isn't theirs must not keep a way in once its owner comes (docs/adr/0023).
      throw new Problem('email_unverified', { reason: 'api_key_unverified' });
    case 'not_a_person':
      // Its organisation would neither see nor end such a key.
      throw new Problem('forbidden', {
        detail: "A service account has no keys of its own: make one of the organisation's.",
        reason: 'api_key_of_service_account',
      });
    case 'session_over':
      throw new Problem('unauthenticated', { reason: 'session_ended' });
    case 'gone':
      throw new Problem('not_found', { reason: 'api_key_owner_gone' });
  }
}
