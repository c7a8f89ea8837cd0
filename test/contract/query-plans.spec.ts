import { CompiledQuery, type LogEvent, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ApiKeyRepository } from '../../src/api-keys/api-key.repository.js';
import { OrgKeyAccounts } from '../../src/orgs/org-key-accounts.js';
import { AuditEventReader } from '../../src/operations/audit-events/audit-event-reader.js';
import { Clock } from '../../src/platform/time/clock.service.js';
import { newId } from '../../src/platform/core/identifier.js';
import type { DatabaseConnection } from '../../src/platform/database/database-connection.js';
import { InviteRepository } from '../../src/features/invites/invite.repository.js';
import { OrgConnectionRepository } from '../../src/features/connections/owned/org-connection.repository.js';
import { OrgDirectory } from '../../src/features/organisations/org-directory.js';
import { OrgRepository } from '../../src/orgs/org.repository.js';
import { MembershipRepository } from '../../src/orgs/membership.repository.js';
import { RevocationRepository } from '../../src/session/revocation/revocation.repository.js';
import { SessionRepository } from '../../src/session/store/session.repository.js';
import { UserDirectory } from '../../src/directory/users/user-directory.js';
import { RequiredFactors } from '../../src/directory/users/required-factors.js';
import { UsersService } from '../../src/directory/users/users.service.js';
import { databaseKinds } from '../support/database.kinds.js';
import { type FreshDatabase, freshDatabase } from '../support/fresh.database.js';
import { newIdentity, plainConfiguration } from '../support/gateway.js';

/** Rows of each large table: enough that a planner prefers an index. */
const size = 5000;
const slice = 500;

describe.each(databaseKinds)(
  'on %s, with 5,000 users, no list, search or login reads a whole table',
  (kind) => {
    let database: FreshDatabase;
    let connection: DatabaseConnection;
    let events: LogEvent[];
    let userIds: string[];

    beforeAll(async () => {
      database = await freshDatabase(kind, inject('postgresUrl'));
      await database.connectMigrated();
      events = [];
      connection = database.connect((event) => events.push(event));
      userIds = await fill(connection);
    });

    afterAll(async () => {
      await database?.drop();
    });

    /** Steps of the plans of every statement that was run, as text. */
    async function plansOf(act: () => Promise<unknown>): Promise<string[]> {
      events.length = 0;
      await act();
      const queries = events
        .map(({ query }) => query)
        .filter(({ sql: text }) => /^(?:select|update)/.test(text));
      const steps: string[] = [];
      for (const query of queries) {
        const explain = kind === 'sqlite' ? 'explain query plan' : 'explain';
        const { rows } = await connection.query.executeQuery<Record<string, unknown>>(
          CompiledQuery.raw(`${explain} ${query.sql}`, [...query.parameters]),
        );
        steps.push(...rows.map((row) => String(row['detail'] ?? row['QUERY PLAN'])));
      }
      return steps;
    }

    const isWholeTable = (step: string): boolean =>
      kind === 'sqlite'
        ? /^SCAN (?:users|identities|memberships|sessions|audit_events|orgs|invites|api_keys|org_connections|org_connection_domains)\b(?!.* USING )/.test(
            step,
          )
        : /Seq Scan on (?:users|identities|memberships|sessions|audit_events|orgs|invites|api_keys|org_connections|org_connection_domains)\b/.test(
            step,
          );

    const acts: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['the first page of users', () => new UserDirectory(connection).list({ kind: 'person' }, 51)],
      [
        'a later page',
        () =>
          new UserDirectory(connection).list({ kind: 'person' }, 51, { by: 'id', id: userIds[2500] ?? '' }),
      ],
      ['a search', () => new UserDirectory(connection).list({ kind: 'person', search: 'person-42' }, 51)],
      ['a user’s organisations', () => new UserDirectory(connection).orgsOf(userIds[7] ?? '', 51)],
      ['a user’s identities', () => new UserDirectory(connection).identitiesOf(userIds[7] ?? '')],
      [
        'a user’s sessions',
        () =>
          new SessionRepository(connection, new Clock()).listOf(
            userIds[7] ?? '',
            { begun: 0, renewed: 0 },
            51,
          ),
      ],
      [
        'a user’s ended sessions',
        () => new SessionRepository(connection, new Clock()).listEnded(userIds[7] ?? '', 0, 51, ''),
      ],
      [
        'my organisations',
        () =>
          new OrgRepository(connection, new Clock(), new RequiredFactors()).listOf(
            userIds[7] ?? '',
            51,
            undefined,
          ),
      ],
      [
        'an organisation by its domain',
        () => new OrgRepository(connection, new Clock(), new RequiredFactors()).findByDomain('a.example'),
      ],
      [
        'the connection of a domain',
        () => new OrgConnectionRepository(connection, new Clock()).idOfDomain('d42.example'),
      ],
      [
        'a connection of an organisation',
        () => new OrgConnectionRepository(connection, new Clock()).findServing(userIds[42] ?? ''),
      ],
      [
        'an organisation’s connections',
        () => new OrgConnectionRepository(connection, new Clock()).listOf(userIds[42] ?? ''),
      ],
      ['all organisations', () => new OrgDirectory(connection).list(userIds[7] ?? '', undefined, 51)],
      ['a search for organisations', () => new OrgDirectory(connection).list(userIds[7] ?? '', 'org-42', 51)],
      [
        'a later page of such a search',
        () =>
          new OrgDirectory(connection).list(userIds[7] ?? '', 'org 4', 51, {
            by: 'name',
            key: 'org 42',
            id: userIds[42] ?? '',
          }),
      ],
      [
        'invites that wait for an address',
        () =>
          new InviteRepository(connection, new Clock(), { INVITE_TTL: 1 }).listFor(
            'person-7@example.org',
            51,
            userIds[4999],
          ),
      ],
      [
        'a user’s API keys',
        () =>
          new ApiKeyRepository(
            connection,
            new Clock(),
            new OrgKeyAccounts(new OrgRepository(connection, new Clock(), new RequiredFactors())),
          ).list({ userId: userIds[7] ?? '' }, 51, undefined),
      ],
      ['the newest audit events', () => new AuditEventReader(connection).list({}, 51, undefined)],
      [
        'audit events of a type',
        () => new AuditEventReader(connection).list({ type: 'logout' }, 51, undefined),
      ],
      [
        'audit events about somebody',
        () => new AuditEventReader(connection).list({ target: userIds[7] ?? '' }, 51, undefined),
      ],
      [
        'a login',
        () =>
          new UsersService(connection, new Clock(), plainConfiguration(), new RequiredFactors()).recordLogin(
            newIdentity(),
          ),
      ],
      [
        'joining by domain',
        () =>
          new MembershipRepository(connection, new Clock()).joinByDomain(
            { id: userIds[7] ?? '', email: 'ada@a.example' },
            'a.example',
          ),
      ],
    ];

    it.each(acts)('%s', async (_name, act) => {
      const steps = await plansOf(act);
      expect(steps.length).toBeGreaterThan(0);
      expect(steps.filter(isWholeTable)).toEqual([]);
    });

    describe('revocations', () => {
      const now = Date.now();
      const ids = new Set<string>();
      let revocations: RevocationRepository;

      beforeAll(async () => {
        for (let first = 0; first < 2 * size; first += slice) {
          const rows = Array.from({ length: slice }, () => ({
            id: newId(now),
            kind: 'session' as const,
            before: null,
            recorded_at: now - 600_000,
            expires_at: now + 600_000,
          }));
          rows.forEach(({ id }) => ids.add(id));
          await connection.query.insertInto('revocations').values(rows).execute();
        }
        const over = {
          kind: 'session',
          before: null,
          recorded_at: now - 600_000,
          expires_at: now - 1,
        } as const;
        await connection.query
          .insertInto('revocations')
          .values({ id: newId(now), ...over })
          .execute();
        await sql`analyze revocations`.execute(connection.query);
        revocations = new RevocationRepository(connection, new Clock());
      });

      it('a poll looks at those that were recorded lately, and not at all that still matter', async () => {
        const steps = await plansOf(() => revocations.recordedSince(now - 60_000));
        expect(steps.join('; ')).toContain('revocations_recorded');
        expect(await revocations.recordedSince(now - 60_000)).toEqual([]);
      });

      it('the first reading has each that still matters once, in parts', async () => {
        const read: string[] = [];
        const sizes: number[] = [];
        const steps = await plansOf(async () => {
          for await (const rows of revocations.current()) {
            read.push(...rows.map(({ id }) => id));
            sizes.push(rows.length);
          }
        });
        expect(new Set(read)).toEqual(ids);
        expect(read).toHaveLength(ids.size);
        expect(sizes).toEqual([size, size, 0]);
        // PostgreSQL may sort as few rows as these; of a million it takes the index.
        expect(steps[0]).toMatch(
          kind === 'sqlite' ? /^SEARCH revocations USING INDEX \w+ \(id>\?\)$/ : /^Limit/,
        );
      });
    });

    it('the check sees a whole table being read', async () => {
      const steps = await plansOf(() =>
        connection.query.selectFrom('users').select('id').where('picture', '=', 'x').execute(),
      );
      expect(steps.filter(isWholeTable)).toHaveLength(1);
    });
  },
);

async function fill({ query }: DatabaseConnection): Promise<string[]> {
  const now = Date.now();
  const ids = Array.from({ length: size }, (_value, index) => newId(now - size + index));
  for (let first = 0; first < size; first += slice) {
    const some = ids.slice(first, first + slice);
    await query
      .insertInto('users')
      .values(
        some.map((id, index) => ({
          id,
          email: `person-${first + index}@example.org`,
          email_key: `person-${first + index}@example.org`,
          email_verified: 1,
          name: `Person ${first + index}`,
          name_key: `person ${first + index}`,
          picture: null,
          role: 'user' as const,
          kind: 'person' as const,
          version: 1,
          disabled_at: null,
          created_at: now,
          updated_at: now,
          last_login_at: now,
        })),
      )
      .execute();
    await query
      .insertInto('identities')
      .values(
        some.map((id) => ({ issuer: 'i', subject: id, user_id: id, created_at: now, last_login_at: now })),
      )
      .execute();
    await query
      .insertInto('orgs')
      .values(
        some.map((id, index) => ({
          id,
          slug: `org-${first + index}`,
          name: `Org ${first + index}`,
          name_key: `org ${first + index}`,
          domain: `${first + index}.example`,
          join_policy: 'domain' as const,
          version: 1,
          created_at: now,
          updated_at: now,
        })),
      )
      .execute();
    await query
      .insertInto('memberships')
      .values(
        some.map((id) => ({
          org_id: id,
          user_id: id,
          role: 'owner' as const,
          state: 'active' as const,
          created_at: now,
        })),
      )
      .execute();
    await query
      .insertInto('sessions')
      .values(
        some.map((id) => ({
          id,
          user_id: id,
          provider: 'ory',
          provider_session_id: null,
          oidc_sid: null,
          issuer: 'i',
          subject: id,
          client_id: 'c',
          scope: '',
          amr: '',
          acr: null,
          claims: '{}',
          auth_time: now,
          created_at: now,
          renewed_at: now,
          org_id: null,
          user_agent: null,
          remote_address: null,
          last_seen_at: now,
          ended_at: null,
          end_reason: null,
        })),
      )
      .execute();
    await query
      .insertInto('invites')
      .values(
        some.map((id, index) => ({
          id,
          org_id: id,
          token_hash: id,
          email: `person-${first + index}@example.org`,
          role: 'member' as const,
          created_by: id,
          created_at: now,
          expires_at: now + 86_400_000,
          redeemed_at: null,
          redeemed_by: null,
          revoked_at: null,
        })),
      )
      .execute();
    await query
      .insertInto('api_keys')
      .values(
        some.map((id) => ({
          id,
          secret_hash: id,
          name: 'key',
          user_id: id,
          org_id: null,
          scope: 'api',
          created_by: id,
          created_at: now,
          expires_at: null,
          last_used_at: null,
          revoked_at: null,
        })),
      )
      .execute();
    await query
      .insertInto('org_connections')
      .values(
        some.map((id) => ({
          id,
          org_id: id,
          kind: 'oidc',
          name: 'Example',
          settings: '{}',
          sealed: null,
          required: 0,
          rules: '[]',
          version: 1,
          created_by: id,
          created_at: now,
          updated_at: now,
        })),
      )
      .execute();
    await query
      .insertInto('org_connection_domains')
      .values(some.map((id) => ({ domain: `d${id}.example`, connection_id: id })))
      .execute();
    await query
      .insertInto('audit_events')
      .values(
        some.map((id) => ({
          id,
          at: now,
          type: 'login_succeeded',
          user_id: id,
          session_id: null,
          request_id: null,
          remote_address: null,
          reason: null,
          actor_id: id,
          actor_credential: null,
          target_kind: 'user',
          target_id: id,
          org_id: null,
          outcome: 'success',
        })),
      )
      .execute();
  }
  await sql`analyze`.execute(query);
  return ids;
}
