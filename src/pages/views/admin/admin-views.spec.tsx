import type { VNode } from 'preact';
import { expect, it } from 'vitest';
import { renderView } from '../../../../test/support/page.frame.js';
import { describeAdminPages, hostile } from '../../../../test/support/page.suite.js';
import { ownFeatures } from '../../../app/features.js';
import { auditEventTypesWith } from '../../../platform/features/audit-event.catalogue.js';
import { AuditEventsPage } from './audit-events.view.js';
import type { ListedEvent } from './audit-table.view.js';
import { SigningKeysPage } from './signing-keys.view.js';

const moment = '2026-11-24T23:31:00.000Z';
const id = '01980000-0000-7000-8000-000000000001';

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
  count: null,
  requestId: 'r-1',
  remoteAddress: '2001:db8::1',
};
const types = auditEventTypesWith(ownFeatures);
const none = { next: undefined, first: undefined };
const form = (...names: readonly string[]) => ({
  values: Object.fromEntries(names.map((name) => [name, hostile])),
  errors: {},
});

const pages: readonly (readonly [string, VNode])[] = [
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

describeAdminPages(pages);

it('links to pages of features only where there are some', () => {
  const onOrg: ListedEvent = { ...event, target: { kind: 'org', id } };
  const page = (
    <AuditEventsPage types={types} names={new Map()} form={form()} events={[event, onOrg]} paging={none} />
  );
  const admin = { user: { name: 'Ada', email: null, isAdmin: true } };
  const linksOf = (...features: readonly string[]): readonly (string | undefined)[] =>
    [
      ...renderView(page, { ...admin, features: new Set(features) }).matchAll(
        /href="(\/(?:orgs|admin\/(?:users|invite|orgs))[^"]*)"/g,
      ),
    ].map(([, href]) => href);
  const user = `/admin/users/${id}`;
  expect(linksOf()).toEqual([]);
  expect(linksOf('organisations')).toEqual(['/admin/orgs', '/admin/orgs', `/orgs/${id}`]);
  expect(linksOf('invites')).toEqual(['/admin/invite', '/admin/invite']);
  // The header's link to the administration, the navigation's, the actor of both events, and the target of the first.
  const all = ['/admin/users', '/admin/users', user, user, user];
  expect(linksOf('user-administration')).toEqual(all);
  expect(linksOf('invites', 'user-administration')).toEqual(all);
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
