import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { listed } from './former-address.js';
import { unknownUser } from './user-directory.js';
import { toIdentity, toUser } from './user.mapper.js';
import { toTimestamp } from '../../platform/time/timestamp.schema.js';
import { Database } from '../../platform/database/database.schema.js';

/** Events in one export, at most. */
const maximumEvents = 10_000;

const time = z.iso.datetime();
const moment = time.nullable();

/** All data that is kept about a person, without credentials. */
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
    languages: z.string().nullable(),
    formerEmails: z
      .array(z.string())
      .meta({ description: 'Verified e-mail addresses that the user had before.' }),
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
  applications: z
    .array(z.object({ applicationId: z.string(), firstUsedAt: time, lastUsedAt: time }))
    .meta({ description: 'Applications that the user has logged in to through this gateway.' }),
  connections: z
    .array(
      z.object({
        connection: z.string(),
        subject: z.string(),
        email: z.string().nullable(),
        name: z.string().nullable(),
        groups: z.unknown(),
        state: z.string(),
        createdAt: time,
        checkedAt: time,
      }),
    )
    .meta({ description: 'What company directories last reported about the user.' }),
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
        count: z.number().nullable(),
      }),
    )
    .meta({ description: 'Newest first, at most the latest 10,000.' }),
});

/** All data that is kept about a person. */
export type PersonalDataDocument = z.output<typeof personalDataSchema>;

/** Collects the data that is kept about a person, for that person. */
@Injectable()
export class PersonalData {
  constructor(private readonly database: Database) {}

  /** Collects a user's data. @throws {Problem} `not_found` when there is no such user. */
  async collect(userId: string): Promise<PersonalDataDocument> {
    return {
      user: await this.#user(userId),
      identities: await this.#identities(userId),
      memberships: await this.#memberships(userId),
      sessions: await this.#sessions(userId),
      apiKeys: await this.#apiKeys(userId),
      applications: await this.#applications(userId),
      connections: await this.#connections(userId),
      auditEvents: await this.#auditEvents(userId),
    };
  }

  async #user(userId: string): Promise<PersonalDataDocument['user']> {
    const row = await this.database.query
      .selectFrom('users')
      .selectAll()
      .where('id', '=', userId)
      .executeTakeFirstOrThrow(() => unknownUser());
    return {
      ...toUser(row),
      role: row.role,
      kind: row.kind,
      disabledAt: toTimestamp(row.disabled_at),
      createdAt: toTimestamp(row.created_at),
      updatedAt: toTimestamp(row.updated_at),
      lastLoginAt: toTimestamp(row.last_login_at),
      languages: row.languages,
      formerEmails: [...listed(row.former_emails)],
    };
  }

  async #identities(userId: string): Promise<PersonalDataDocument['identities']> {
    const identities = this.database.query.selectFrom('identities').selectAll();
    return (await identities.where('user_id', '=', userId).execute()).map(toIdentity);
  }

  async #memberships(userId: string): Promise<PersonalDataDocument['memberships']> {
    const rows = await this.database.query
      .selectFrom('memberships')
      .innerJoin('orgs', 'orgs.id', 'memberships.org_id')
      .select(['orgs.id as orgId', 'orgs.slug', 'orgs.name'])
      .select(['memberships.role', 'memberships.state', 'memberships.created_at as createdAt'])
      .where('memberships.user_id', '=', userId)
      .execute();
    return rows.map((row) => ({ ...row, createdAt: toTimestamp(row.createdAt) }));
  }

  async #connections(userId: string): Promise<PersonalDataDocument['connections']> {
    const rows = await this.database.query
      .selectFrom('connection_identities')
      .innerJoin('identities', (join) =>
        join
          .onRef('identities.issuer', '=', 'connection_identities.issuer')
          .onRef('identities.subject', '=', 'connection_identities.id'),
      )
      .selectAll('connection_identities')
      .where('identities.user_id', '=', userId)
      .orderBy('connection_identities.id')
      .execute();
    return rows.map((row) => ({
      connection: row.connection_id,
      subject: row.subject,
      email: row.email,
      name: row.name,
      groups: JSON.parse(row.groups),
      state: row.state,
      createdAt: toTimestamp(row.created_at),
      checkedAt: toTimestamp(row.checked_at),
    }));
  }

  async #applications(userId: string): Promise<PersonalDataDocument['applications']> {
    const rows = await this.database.query
      .selectFrom('application_uses')
      .innerJoin('identities', (join) =>
        join
          .onRef('identities.issuer', '=', 'application_uses.issuer')
          .onRef('identities.subject', '=', 'application_uses.subject'),
      )
      .select(['application_uses.client_id', 'application_uses.first_used_at'])
      .select('application_uses.last_used_at')
      .where('identities.user_id', '=', userId)
      .orderBy('application_uses.client_id')
      .execute();
    return rows.map((row) => ({
      applicationId: row.client_id,
      firstUsedAt: toTimestamp(row.first_used_at),
      lastUsedAt: toTimestamp(row.last_used_at),
    }));
  }

  async #sessions(userId: string): Promise<PersonalDataDocument['sessions']> {
    const rows = await this.database.query
      .selectFrom('sessions')
      .select(['id', 'provider', 'client_id as clientId', 'scope', 'amr as methods', 'claims'])
      .select(['user_agent as userAgent', 'remote_address as remoteAddress', 'auth_time as authTime'])
      .select(['created_at as createdAt', 'last_seen_at as lastSeenAt'])
      .select(['ended_at as endedAt', 'end_reason as endReason'])
      .where('user_id', '=', userId)
      .orderBy('id', 'desc')
      .execute();
    return rows.map((row) => ({
      ...row,
      claims: JSON.parse(row.claims),
      authTime: row.authTime === 0 ? null : toTimestamp(row.authTime),
      createdAt: toTimestamp(row.createdAt),
      lastSeenAt: toTimestamp(row.lastSeenAt),
      endedAt: toTimestamp(row.endedAt),
    }));
  }

  async #apiKeys(userId: string): Promise<PersonalDataDocument['apiKeys']> {
    const rows = await this.database.query
      .selectFrom('api_keys')
      .select(['id', 'name', 'scope', 'org_id as orgId', 'created_at as createdAt'])
      .select(['expires_at as expiresAt', 'last_used_at as lastUsedAt', 'revoked_at as revokedAt'])
      .where('user_id', '=', userId)
      .orderBy('id')
      .execute();
    return rows.map((row) => ({
      ...row,
      createdAt: toTimestamp(row.createdAt),
      expiresAt: toTimestamp(row.expiresAt),
      lastUsedAt: toTimestamp(row.lastUsedAt),
      revokedAt: toTimestamp(row.revokedAt),
    }));
  }

  /** The audit events about a user, without the actor: an administrator's id is the administrator's own data. */
  async #auditEvents(userId: string): Promise<PersonalDataDocument['auditEvents']> {
    const rows = await this.database.query
      .selectFrom('audit_events')
      .select(['id', 'at', 'type', 'outcome', 'reason', 'session_id as sessionId'])
      .select(['remote_address as remoteAddress', 'target_kind as targetKind', 'target_id as targetId'])
      .select(['org_id as orgId', 'count'])
      .where((builder) => builder.or([builder('user_id', '=', userId), builder('target_id', '=', userId)]))
      .orderBy('at', 'desc')
      .limit(maximumEvents)
      .execute();
    return rows.map((row) => ({ ...row, at: toTimestamp(row.at) }));
  }
}
