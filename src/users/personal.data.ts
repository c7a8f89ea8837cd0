import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { unknownUser } from './user.directory.js';
import { Database } from '../database/database.schema.js';

/** Events in one export at most. */
const maximumEvents = 10_000;

const time = z.iso.datetime();
const moment = time.nullable();

/** Everything that is kept about a person, without what would let somebody in. */
export const personalDataSchema = z.object({
  user: z.object({
    id: z.uuid(),
    email: z.string().nullable(),
    emailVerified: z.boolean(),
    name: z.string().nullable(),
    picture: z.string().nullable(),
    role: z.string(),
    kind: z.string(),
    disabledAt: moment,
    createdAt: time,
    updatedAt: time,
    lastLoginAt: moment,
  }),
  identities: z.array(
    z.object({ issuer: z.string(), subject: z.string(), createdAt: time, lastLoginAt: time }),
  ),
  memberships: z.array(
    z.object({
      orgId: z.uuid(),
      slug: z.string(),
      name: z.string(),
      role: z.string(),
      state: z.string(),
      createdAt: time,
    }),
  ),
  sessions: z.array(
    z.object({
      id: z.uuid(),
      provider: z.string(),
      clientId: z.string(),
      scope: z.string(),
      methods: z.string(),
      claims: z.unknown(),
      userAgent: z.string().nullable(),
      remoteAddress: z.string().nullable(),
      authTime: moment,
      createdAt: time,
      lastSeenAt: moment,
      endedAt: moment,
      endReason: z.string().nullable(),
    }),
  ),
  apiKeys: z.array(
    z.object({
      id: z.uuid(),
      name: z.string(),
      scope: z.string(),
      orgId: z.uuid().nullable(),
      createdAt: time,
      expiresAt: moment,
      lastUsedAt: moment,
      revokedAt: moment,
    }),
  ),
  auditEvents: z
    .array(
      z.object({
        id: z.uuid(),
        at: time,
        type: z.string(),
        outcome: z.string().nullable(),
        reason: z.string().nullable(),
        sessionId: z.string().nullable(),
        remoteAddress: z.string().nullable(),
        targetKind: z.string().nullable(),
        targetId: z.string().nullable(),
        orgId: z.string().nullable(),
      }),
    )
    .meta({ description: 'Newest first; at most the latest 10,000.' }),
});

/** Everything that is kept about a person. */
export type PersonalDataDocument = z.output<typeof personalDataSchema>;

/** Collects what is kept about a person, for themselves. */
@Injectable()
export class PersonalData {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @throws {Problem} `not_found` when there is no such user. */
  async collect(userId: string): Promise<PersonalDataDocument> {
    return {
      user: await this.#user(userId),
      identities: await this.#identities(userId),
      memberships: await this.#memberships(userId),
      sessions: await this.#sessions(userId),
      apiKeys: await this.#apiKeys(userId),
      auditEvents: await this.#auditEvents(userId),
    };
  }

  async #user(userId: string): Promise<PersonalDataDocument['user']> {
    const row = await this.#database.query
      .selectFrom('users')
      .selectAll()
      .where('id', '=', userId)
      .executeTakeFirst();
    if (row === undefined) {
      throw unknownUser();
    }
    return {
      id: row.id,
      email: row.email,
      emailVerified: row.email_verified === 1,
      name: row.name,
      picture: row.picture,
      role: row.role,
      kind: row.kind,
      disabledAt: maybeIso(row.disabled_at),
      createdAt: iso(row.created_at),
      updatedAt: iso(row.updated_at),
      lastLoginAt: maybeIso(row.last_login_at),
    };
  }

  async #identities(userId: string): Promise<PersonalDataDocument['identities']> {
    const rows = await this.#database.query
      .selectFrom('identities')
      .selectAll()
      .where('user_id', '=', userId)
      .execute();
    return rows.map((row) => ({
      issuer: row.issuer,
      subject: row.subject,
      createdAt: iso(row.created_at),
      lastLoginAt: iso(row.last_login_at),
    }));
  }

  async #memberships(userId: string): Promise<PersonalDataDocument['memberships']> {
    const rows = await this.#database.query
      .selectFrom('memberships')
      .innerJoin('orgs', 'orgs.id', 'memberships.org_id')
      .select(['orgs.id', 'orgs.slug', 'orgs.name'])
      .select(['memberships.role', 'memberships.state', 'memberships.created_at'])
      .where('memberships.user_id', '=', userId)
      .execute();
    return rows.map(({ id: orgId, created_at: createdAt, ...row }) => ({
      ...row,
      orgId,
      createdAt: iso(createdAt),
    }));
  }

  async #sessions(userId: string): Promise<PersonalDataDocument['sessions']> {
    const rows = await this.#database.query
      .selectFrom('sessions')
      .selectAll()
      .where('user_id', '=', userId)
      .orderBy('id', 'desc')
      .execute();
    return rows.map((row) => ({
      id: row.id,
      provider: row.provider,
      clientId: row.client_id,
      scope: row.scope,
      methods: row.amr,
      claims: JSON.parse(row.claims),
      userAgent: row.user_agent,
      remoteAddress: row.remote_address,
      authTime: row.auth_time === 0 ? null : iso(row.auth_time),
      createdAt: iso(row.created_at),
      lastSeenAt: maybeIso(row.last_seen_at),
      endedAt: maybeIso(row.ended_at),
      endReason: row.end_reason,
    }));
  }

  async #apiKeys(userId: string): Promise<PersonalDataDocument['apiKeys']> {
    const rows = await this.#database.query
      .selectFrom('api_keys')
      .selectAll()
      .where('user_id', '=', userId)
      .orderBy('id')
      .execute();
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      scope: row.scope,
      orgId: row.org_id,
      createdAt: iso(row.created_at),
      expiresAt: maybeIso(row.expires_at),
      lastUsedAt: maybeIso(row.last_used_at),
      revokedAt: maybeIso(row.revoked_at),
    }));
  }

  /** Not who did it: an administrator's id is theirs. */
  async #auditEvents(userId: string): Promise<PersonalDataDocument['auditEvents']> {
    const rows = await this.#database.query
      .selectFrom('audit_events')
      .selectAll()
      .where((builder) => builder.or([builder('user_id', '=', userId), builder('target_id', '=', userId)]))
      .orderBy('at', 'desc')
      .limit(maximumEvents)
      .execute();
    return rows.map((row) => ({
      id: row.id,
      at: iso(row.at),
      type: row.type,
      outcome: row.outcome,
      reason: row.reason,
      sessionId: row.session_id,
      remoteAddress: row.remote_address,
      targetKind: row.target_kind,
      targetId: row.target_id,
      orgId: row.org_id,
    }));
  }
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

function maybeIso(milliseconds: number | null): string | null {
  return milliseconds === null ? null : iso(milliseconds);
}
