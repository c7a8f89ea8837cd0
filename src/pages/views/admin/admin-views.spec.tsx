import type { VNode } from 'preact';
import { describe, expect, it } from 'vitest';
import { renderView } from '../../../../test/support/page.frame.js';
import { ownFeatures } from '../../../app/features.js';
import { auditEventTypesWith } from '../../../platform/features/audit-event.catalogue.js';
import { AuditEventsPage } from './audit-events.view.js';
import type { ListedEvent } from './audit-table.view.js';
import { SigningKeysPage } from './signing-keys.view.js';
import { UserQuestionPage } from './user-question.view.js';
import { CreatedRecoveryPage } from './user-recovery.view.js';
import type { UserDetail } from '../../../accounts/admin/users.schemas.js';
import { UserPage, type UserPageProps } from './user.view.js';
import { UsersPage } from './users.view.js';

const hostile = '"><script>alert(1)</script>';
const moment = '2026-11-24T23:31:00.000Z';
const id = '01980000-0000-7000-8000-000000000001';

const person: UserDetail = {
  id,
  name: 'Ada Lovelace',
  email: 'ada@example.com',
  emailVerified: true,
  picture: null,
  role: 'user',
  kind: 'person',
  state: 'active',
  sharesEmail: false,
  createdAt: moment,
  lastLoginAt: null,
  identities: [{ issuer: 'urn:ory:kratos', subject: 's-1', createdAt: moment, lastLoginAt: moment }],
  orgs: [{ id, slug: 'engines', name: 'Analytical Engines', role: 'owner' }],
};
const userPage: UserPageProps = {
  user: person,
  isSelf: false,
  canRecover: true,
  sessions: [],
  keys: [],
  apps: null,
};
const event: ListedEvent = {
  id,
  at: moment,
  type: 'user_disabled',
  outcome: 'failure',
  reason: 'by_administrator',
  actor: { id, credential: 'cookie' },
  target: { kind: 'user', id },
  orgId: id,
  sessionId: id,
  requestId: 'r-1',
  remoteAddress: '2001:db8::1',
};
const types = auditEventTypesWith(ownFeatures);
const none = { next: undefined, first: undefined };
const bad = {
  ...person,
  id: hostile,
  name: hostile,
  email: hostile,
  picture: 'https://stranger.example/pixel.png',
  identities: [{ issuer: hostile, subject: hostile, createdAt: hostile, lastLoginAt: hostile }],
  orgs: [{ id: hostile, slug: hostile, name: hostile, role: 'member' as const }],
};
const form = (...names: readonly string[]) => ({
  values: Object.fromEntries(names.map((name) => [name, hostile])),
  errors: {},
});

const pages: readonly (readonly [string, VNode])[] = [
  [
    'users',
    <UsersPage
      form={form('search', 'role', 'state')}
      users={[bad]}
      paging={{ next: `/admin/users?cursor=${encodeURIComponent(hostile)}`, first: '/admin/users' }}
      notice="user_deleted"
    />,
  ],
  [
    'user',
    <UserPage
      {...userPage}
      user={bad}
      refusal={hostile}
      sessions={[{ id: hostile, current: true, device: hostile, address: hostile, lastSeenAt: hostile }]}
      keys={[
        {
          id: hostile,
          name: hostile,
          prefix: hostile,
          scope: hostile,
          expiresAt: hostile,
          lastUsedAt: hostile,
        },
      ]}
    />,
  ],
  ['deletion', <UserQuestionPage user={bad} question="delete" refusal={hostile} />],
  ['recovery', <UserQuestionPage user={bad} question="recovery" refusal={hostile} />],
  ['recovery code', <CreatedRecoveryPage user={bad} url={hostile} code={hostile} expiresAt={hostile} />],
  [
    'audit events',
    <AuditEventsPage
      types={types}
      names={new Map()}
      form={form('type', 'actor', 'target', 'org', 'from', 'to')}
      events={[
        {
          ...event,
          type: hostile,
          reason: hostile,
          actor: { id: hostile, credential: hostile },
          target: { kind: hostile, id: hostile },
          requestId: hostile,
          remoteAddress: hostile,
        },
      ]}
      paging={none}
    />,
  ],
  [
    'keys',
    <SigningKeysPage
      keys={[
        {
          kid: hostile,
          algorithm: hostile,
          state: 'current',
          createdAt: moment,
          activatedAt: moment,
          retiredAt: null,
        },
      ]}
    />,
  ],
];

describe.each(pages)('the page of the administration for %s', (_name, page) => {
  const html = renderView(page, { user: { name: hostile, email: hostile, isAdmin: true } });

  it('has one main heading, a title, the navigation, and says where in it one is', () => {
    expect(html.match(/<h1\b/g)).toHaveLength(1);
    expect(html).toMatch(/<title>[^<]+<\/title>/);
    expect(html.match(/<nav class="sections" aria-label="Administration">/g)).toHaveLength(1);
    expect(html.match(/aria-current="page"/g)).toHaveLength(1);
  });

  it('has nothing that a strict policy forbids, no text that became markup, and asks no other host', () => {
    expect(html).not.toMatch(
      /<script(?! src="\/assets\/page\.js" defer><\/script>)|<style|\sstyle=|\son[a-z]+="/,
    );
    expect(html).not.toMatch(/\s(?:src|href|action)="(?!\/(?!\/)|#)/);
  });

  it('gives every id once, and names only ids that there are', () => {
    const ids = [...html.matchAll(/\sid="([^"]+)"/g)].map(([, found]) => found);
    expect(ids).toEqual([...new Set(ids)]);
    const named = [...html.matchAll(/\s(?:for|aria-(?:describedby|labelledby))="([^"]+)"/g)];
    expect(named.map(([, found]) => found).filter((found) => !ids.includes(found))).toEqual([]);
  });

  it('is German where that is asked for', () => {
    const german = renderView(page, { user: { name: 'Ada', email: null, isAdmin: true } }, 'de');
    expect(german).toContain('<html lang="de">');
    expect(german).toContain('aria-label="Verwaltung"');
    expect(german).not.toContain('Audit events');
  });
});

it('a user’s page offers what fits the user', () => {
  const html = renderView(<UserPage {...userPage} />);
  expect(html).toContain(`<form method="post" action="/admin/users/${id}/disable">`);
  expect(html).toContain(`href="/admin/users/${id}/recovery"`);
  expect(html).toContain(`href="/orgs/${id}"`);
  const disabled = renderView(<UserPage {...userPage} user={{ ...person, state: 'disabled' }} />);
  expect(disabled).toContain(`<form method="post" action="/admin/users/${id}/enable">`);
  expect(disabled).not.toContain('/recovery"');
  expect(renderView(<UserPage {...userPage} canRecover={false} />)).not.toContain('/recovery"');
  const service = renderView(<UserPage {...userPage} user={{ ...person, kind: 'service' }} />);
  expect(service).toContain('Service account');
  expect(service).not.toMatch(/\/role"|\/recovery"/);
});

it('links to an organisation’s page only where there is one', () => {
  const onOrg: ListedEvent = { ...event, target: { kind: 'org', id } };
  const events = (
    <AuditEventsPage types={types} names={new Map()} form={form()} events={[onOrg]} paging={none} />
  );
  for (const page of [<UserPage {...userPage} />, events]) {
    expect(renderView(page)).toContain(`href="/orgs/${id}"`);
    expect(renderView(page)).toContain('href="/admin/orgs"');
    expect(renderView(page, { features: new Set() })).not.toMatch(/href="\/(?:admin\/)?orgs/);
  }
});

it('each type of event has words in both languages, those of features too', () => {
  expect(types).toEqual(expect.arrayContaining(['login_failed', 'org_created', 'host_login']));
  for (const type of types) {
    const page = (
      <AuditEventsPage
        types={types}
        names={new Map()}
        form={form()}
        events={[{ ...event, type }]}
        paging={none}
      />
    );
    const [inEnglish, inGerman] = ['en', 'de'].map((language) =>
      /<tbody.*?<summary>([^<]+)</s.exec(renderView(page, {}, language))?.[1]?.trim(),
    );
    expect([inEnglish, inGerman]).not.toContain(type);
    expect({ type, words: inGerman }).not.toEqual({ type, words: inEnglish });
  }
});

it('a type of event that has no words yet is shown as it is', () => {
  const page = (
    <AuditEventsPage
      types={types}
      names={new Map()}
      form={form()}
      events={[{ ...event, type: 'moon_landed' }]}
      paging={none}
    />
  );
  expect(renderView(page)).toContain('<summary>moon_landed ');
  expect(renderView(page)).toContain('<option value="moon_landed">moon_landed</option>');
});
