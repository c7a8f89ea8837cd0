import { Injectable } from '@nestjs/common';
import { toTimestamp } from '../platform/time/timestamp.schema.js';
import type { Transaction } from 'kysely';
import { type AuditEvent, AuditService } from '../directory/audit/audit.service.js';
import { ScopeCatalogue } from '../platform/features/scope.catalogue.js';
import { Clock } from '../platform/time/clock.service.js';
import { newId } from '../platform/core/identifier.js';
import { Problem } from '../platform/errors/problem.error.js';
import type { ApiKeyRow, Schema } from '../platform/database/database.schema.js';
import { type Page, type PageQuery, decodeCursor, toPage } from '../platform/http/page-cursor.js';
import { apiKeyClientId } from '../session/guards/key-authenticator.js';
import { type Caller, type Principal, hasSession, isAdministrator } from '../session/principal.js';
import { type KeyEnd, RevocationService } from '../session/revocation/revocation.service.js';
import { mayActIn } from '../session/vouching.query.js';
import { requireScopes } from '../session/guards/authorization.js';
import { covers, fullScope } from '../session/guards/scopes.js';
import { hasSecondFactor } from '../session/tokens/account-claims.js';
import { apiKeyPrefix, makeApiKey } from './api-key-format.js';
import {
  ApiKeyRepository,
  type InsertOutcome,
  type KeyOwner,
  type RevocationParts,
} from './api-key.repository.js';
import { type CreatedKey, type KeyInput, type KeyItem, keyScopeMessage } from './api-key.schemas.js';
import { KeyAccounts } from './key-accounts.port.js';
import type { ClientInfo } from '../platform/http/client-info.js';
import { givenIdSchema } from '../platform/core/id.schema.js';

/** Live keys that a person, or an organisation, may have. */
export const maximumLiveKeys = 50;
const longestLife = 366 * 86_400_000;

/** The organisation that a key is made for, and the role of its service account there. */
export interface OrgKeyPlace {
  readonly orgId: string;
  readonly role: 'admin' | 'member';
  /** Throws unless the caller may make the key; called once the organisation is locked. */
  readonly requireMaker: (transaction: Transaction<Schema>) => Promise<void>;
}

/** The bounds of what a credential may make. */
interface Reach {
  /** Milliseconds since the epoch; null if it has no end. */
  readonly endsAt: number | null;
  /** The only organisation it acts in; null if it acts in any organisation of its person. */
  readonly orgId: string | null;
}

/** Makes, lists and revokes API keys. It decides what a key may do; callers decide who may manage an organisation's. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly revocations: RevocationService,
    private readonly audit: AuditService,
    private readonly clock: Clock,
    private readonly accounts: KeyAccounts,
    private readonly scopes: ScopeCatalogue,
  ) {}

  /**
   * Makes a key: the caller's own, or one of an organisation with a service account of its own. A key made with a token or
   * another key expires with it and stays in its organisation.
   * @throws {Problem} `insufficient_scope` when it would do more than the caller may
   * @throws {Problem} `validation_failed` for its expiry, and for a scope that looks like one of this API and isn't
   * @throws {Problem} `conflict` when there are too many
   * @throws {Problem} `forbidden` to service accounts, to delegates, and to tokens of another organisation
   * @throws {Problem} `email_unverified` to users with an unverified address
   */
  async create(caller: Caller, input: KeyInput, place?: OrgKeyPlace): Promise<CreatedKey> {
    const { principal } = caller;
    const { claims } = principal;
    if (!input.scope.every(this.scopes.isKnownOrForeign)) {
      throw new Problem('validation_failed', { errors: [{ field: 'scope', message: keyScopeMessage }] });
    }
    if (claims.act !== undefined) {
      // The key would outlive the delegation, and would no longer name the actor.
      throw new Problem('forbidden', { reason: 'api_key_by_delegate' });
    }
    requireScopes(claims, input.scope, 'api_key_wider_than_its_maker');
    if (place !== undefined && place.orgId !== claims.org?.id && !covers(claims.scope, fullScope)) {
      throw new Problem('forbidden', { reason: 'api_key_of_another_org' });
    }
    const now = this.clock.now();
    const reach = await this.#reachOf(principal);
    const id = newId(now);
    const { key, secretHash } = makeApiKey(id);
    const row = {
      id,
      secret_hash: secretHash,
      name: input.name,
      user_id: place === undefined ? claims.sub : newId(now),
      org_id: place?.orgId ?? null,
      within_org_id: place === undefined ? reach.orgId : null,
      scope: input.scope.join(' '),
      created_by: claims.sub,
      made_by_key: claims.client_id === apiKeyClientId ? claims.sid : null,
      created_at: now,
      expires_at: expiryOf(input.expiresAt, now, reach.endsAt),
      last_used_at: null,
      revoked_at: null,
      second_factor: hasSecondFactor(claims) ? 1 : 0,
    };
    requireInserted(
      place === undefined
        ? await this.keys.insertOwn(row, maximumLiveKeys, principal)
        : await this.keys.insertForOrg(
            { ...row, org_id: place.orgId },
            { ...place, maker: principal },
            maximumLiveKeys,
          ),
    );
    await this.#record('api_key_created', row, caller.client, actorOf(caller));
    const { lastUsedAt: _, ...item } = toItem(row);
    return { ...item, key };
  }

  /** Keys that haven't been revoked, oldest first. @throws {Problem} `validation_failed` for a foreign cursor. */
  async list(owner: KeyOwner, { limit, cursor }: PageQuery): Promise<Page<KeyItem>> {
    const after = decodeCursor(givenIdSchema, cursor);
    const rows = await this.keys.list(owner, limit + 1, after);
    return toPage(rows, limit, toItem, ({ id }) => id);
  }

  /** The same with the roles of the service accounts in the organisation; null for one that was removed from it. */
  async listOfOrg(
    orgId: string,
    page: PageQuery,
  ): Promise<Page<KeyItem & { userId: string; role: string | null }>> {
    const after = decodeCursor(givenIdSchema, page.cursor);
    const rows = await this.keys.list({ orgId }, page.limit + 1, after);
    const userIds = rows.map(({ user_id: userId }) => userId);
    const roles = await this.keys.rolesIn(orgId, userIds);
    return toPage(
      rows,
      page.limit,
      (row) => ({ ...toItem(row), userId: row.user_id, role: roles.get(row.user_id) ?? null }),
      ({ id }) => id,
    );
  }

  /**
   * Revokes a key, and with it the tokens made from it: at once here, within the revocation bound on other replicas. The keys that it made
   * go with it, also those of organisations in which the person has lost their role since: a leaked key must leave nothing behind.
   * @param id as the caller gave it.
   * @throws {Problem} `forbidden`, and nothing ends, if it made a key of an organisation in which the caller's credential may not act.
   * @throws {Problem} `not_found` when it's no live key of this owner's.
   */
  async revoke(caller: Caller, owner: KeyOwner, id: unknown): Promise<void> {
    const parsed = givenIdSchema.safeParse(id);
    const reach = await this.#reachOf(caller.principal);
    const rows = parsed.success
      ? await this.#end(owner, parsed.data, (transaction, orgId) =>
          this.#requireMayEndIn(transaction, orgId, caller.principal, reach),
        )
      : [];
    if (rows.length === 0) {
      throw new Problem('not_found', { reason: 'no_such_api_key' });
    }
    for (const row of rows) {
      await this.#record('api_key_revoked', row, caller.client, actorOf(caller));
    }
  }

  /** Revokes keys that an account made before its owner was proven. @param before only older ones, in milliseconds. */
  async revokeMadeBy(userId: string, before: number, client: ClientInfo): Promise<void> {
    for (const { id, owner } of await this.keys.listMadeBy(userId, before)) {
      for (const row of await this.#end(owner, id)) {
        await this.#record('api_key_revoked', row, client, { reason: 'owner_proven' });
      }
    }
  }

  /** Ends a key and the tokens made from it. @returns the rows that ended, as {@link ApiKeyRepository.revoke} does. */
  async #end(
    owner: KeyOwner,
    id: string,
    requireMay?: RevocationParts['requireMay'],
  ): Promise<readonly ApiKeyRow[]> {
    const ends: KeyEnd[] = [];
    const rows = await this.keys.revoke(owner, id, {
      ...(requireMay === undefined ? {} : { requireMay }),
      record: async (transaction, ended) => {
        const end = this.revocations.endOfKey(ended);
        await end.record(transaction);
        ends.push(end);
      },
    });
    for (const end of ends) {
      end.announce();
    }
    return rows;
  }

  /**
   * Requires that a caller may end what a key of theirs made in an organisation. A session with all rights of the person may, unless another
   * organisation's connection vouched for it; other credentials need to reach that organisation, and the right to revoke keys there.
   * @throws {Problem} `forbidden`
   */
  async #requireMayEndIn(
    transaction: Transaction<Schema>,
    orgId: string,
    principal: Principal,
    { orgId: only }: Reach,
  ): Promise<void> {
    if (isAdministrator(principal)) {
      return;
    }
    const { claims } = principal;
    const isFull = covers(claims.scope, fullScope);
    // With less than all rights, it acts only in the organisation that it states.
    const reaches = only === null ? isFull || claims.org?.id === orgId : only === orgId;
    const mayEnd =
      hasSession(principal) && isFull && claims.act === undefined
        ? await mayActIn(transaction, principal, orgId)
        : reaches && (await this.accounts.mayRevoke(transaction, orgId, principal));
    if (!mayEnd) {
      throw new Problem('forbidden', {
        detail:
          'The key made keys of an organisation in which this credential may not revoke them. A login of this deployment’s own may.',
        reason: 'api_key_made_elsewhere',
      });
    }
  }

  /** Who vouched for a caller's login, as {@link vouchingOrgOfCaller} reads it. */
  async vouchingOrgOf(principal: Pick<Principal, 'claims'>): Promise<string | null> {
    return this.keys.vouchingOrgOf(principal);
  }

  /** The bounds of a key that this caller makes: those of the caller. A session has none. */
  async #reachOf({ claims, credential }: Principal): Promise<Reach> {
    if (credential === 'cookie') {
      return { endsAt: null, orgId: null };
    }
    const parent = claims.client_id === apiKeyClientId ? await this.keys.find(claims.sid) : undefined;
    if (credential === 'api_key') {
      return { endsAt: parent?.expires_at ?? null, orgId: parent?.within_org_id ?? null };
    }
    const endsAt = Math.min(claims.exp * 1000, parent?.expires_at ?? Number.POSITIVE_INFINITY);
    return { endsAt, orgId: claims.org?.id ?? null };
  }

  async #record(
    type: 'api_key_created' | 'api_key_revoked',
    row: Pick<ApiKeyRow, 'id' | 'user_id' | 'org_id'>,
    { requestId, remoteAddress }: ClientInfo,
    by: Pick<AuditEvent, 'actor'> | Pick<AuditEvent, 'reason'>,
  ): Promise<void> {
    await this.audit.record({
      type,
      userId: row.user_id,
      target: { kind: 'api_key', id: row.id },
      orgId: row.org_id ?? undefined,
      requestId,
      remoteAddress,
      ...by,
    });
  }
}

function actorOf({ principal: { claims, credential } }: Caller): Pick<AuditEvent, 'actor'> {
  return { actor: { id: claims.sub, credential } };
}

function toItem(row: Omit<ApiKeyRow, 'vouched_org_id'>): KeyItem {
  return {
    id: row.id,
    name: row.name,
    prefix: apiKeyPrefix(row.id),
    scope: row.scope,
    createdAt: toTimestamp(row.created_at),
    expiresAt: toTimestamp(row.expires_at),
    lastUsedAt: toTimestamp(row.last_used_at),
  };
}

/** The end of a new key. @param endsAt of the credential that makes it. @throws {Problem} `validation_failed` */
function expiryOf(given: string | null, now: number, endsAt: number | null): number | null {
  if (given === null) {
    return endsAt;
  }
  const at = Date.parse(given);
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
      // A user who registers another person's address must not keep a credential once its owner comes (docs/adr/0023).
      throw new Problem('email_unverified', { reason: 'api_key_unverified' });
    case 'not_a_person':
      // Its organisation could neither see nor revoke such a key.
      throw new Problem('forbidden', {
        detail: "A service account has no keys of its own: make one of the organisation's.",
        reason: 'api_key_of_service_account',
      });
    case 'gone':
      throw new Problem('not_found', { reason: 'api_key_owner_gone' });
  }
}
