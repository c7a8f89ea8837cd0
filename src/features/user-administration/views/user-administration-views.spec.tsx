import type { VNode } from 'preact';
import { expect, it } from 'vitest';
import { renderView } from '../../../../test/support/page.frame.js';
import { describeAdminPages, hostile } from '../../../../test/support/page.suite.js';
import type { UserDetail } from '../users.schemas.js';
import { UserQuestionPage } from './user-question.view.js';
import { CreatedRecoveryPage } from './user-recovery.view.js';
import { UserPage, type UserPageProps } from './user.view.js';
import { UsersPage } from './users.view.js';

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
const bad = {
  ...person,
  id: hostile,
  name: hostile,
  email: hostile,
  picture: 'https://stranger.example/pixel.png',
  identities: [{ issuer: hostile, subject: hostile, createdAt: hostile, lastLoginAt: hostile }],
  orgs: [{ id: hostile, slug: hostile, name: hostile, role: 'member' as const }],
};

const pages: readonly (readonly [string, VNode])[] = [
  [
    'users',
    <UsersPage
      form={{ values: { search: hostile, role: hostile, state: hostile }, errors: {} }}
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
];

describeAdminPages(pages);

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
  const page = <UserPage {...userPage} />;
  expect(renderView(page)).toContain(`href="/orgs/${id}"`);
  expect(renderView(page, { features: new Set(['user-administration']) })).not.toMatch(
    /href="\/(?:admin\/)?orgs/,
  );
});
