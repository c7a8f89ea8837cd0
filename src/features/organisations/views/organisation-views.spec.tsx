import { parse } from 'node-html-parser';
import type { VNode } from 'preact';
import { describe, expect, it } from 'vitest';
import { renderView } from '../../../../test/support/page.frame.js';
import { describePages, hostile, openOrg } from '../../../../test/support/page.suite.js';
import { english } from '../../../platform/i18n/locales/en.js';
import type { MemberAnswer } from '../org-management.schemas.js';
import type { FormState } from '../../../pages/views/form-state.js';
import { Layout } from '../../../pages/views/layout.view.js';
import { AccountInvites } from './account-invites.view.js';
import { AccountOrgs } from './account-orgs.view.js';
import { NewOrgPage } from './new-org.view.js';
import { CreatedInvitePage, OrgInvitesPage } from './org-invites.view.js';
import { OrgKeysPage } from './org-keys.view.js';
import { OrgMembersPage } from './org-members.view.js';
import { OrgQuestionPage } from './org-question.view.js';
import { OrgSettingsPage } from './org-settings.view.js';
import { OrgsPage } from './orgs.view.js';

const hostileMember: MemberAnswer = {
  user: { id: hostile, name: hostile, email: hostile, emailVerified: false, picture: hostile },
  role: 'owner',
  state: 'active',
  since: hostile,
};
const hostileKey = {
  id: hostile,
  name: hostile,
  prefix: hostile,
  scope: hostile,
  expiresAt: hostile,
  lastUsedAt: hostile,
};
const wrong: FormState = {
  values: { name: hostile, slug: hostile, email: hostile, domain: hostile, scope: hostile, role: hostile },
  errors: { name: 'orgs.error.name', email: 'invites.error.email' },
  problem: 'keys.error.full',
};

/** Every page, with hostile text wherever somebody else chooses the text. */
const pages: readonly (readonly [string, VNode])[] = [
  [
    'account',
    <Layout title="Account">
      <h1>Account</h1>
      <AccountInvites
        invites={[
          {
            id: hostile,
            org: { name: hostile },
            role: 'member',
            expiresAt: hostile,
            invitedBy: { name: hostile },
          },
        ]}
      />
      <AccountOrgs
        orgs={{
          items: [{ id: hostile, slug: hostile, name: hostile, role: 'member', active: false }],
          nextCursor: hostile,
        }}
        joinable={[{ id: hostile, name: hostile, domain: hostile, joinPolicy: 'domain' }]}
      />
    </Layout>,
  ],
  ['new organisation', <NewOrgPage formId={hostile} form={wrong} />],
  [
    'members',
    <OrgMembersPage
      {...openOrg}
      self={hostile}
      members={{ items: [hostileMember], nextCursor: hostile }}
      isLater
      requests={[hostileMember]}
      refused={{ userId: hostile, problem: 'orgs.error.lastOwner' }}
    />,
  ],
  [
    'invitations',
    <OrgInvitesPage
      {...openOrg}
      invites={{
        items: [
          {
            id: hostile,
            email: hostile,
            role: 'owner',
            state: 'open',
            createdBy: hostile,
            createdAt: hostile,
            expiresAt: hostile,
            redeemedBy: null,
          },
        ],
        nextCursor: hostile,
      }}
      isLater
      form={wrong}
    />,
  ],
  ['created invitation', <CreatedInvitePage org={openOrg.org} email={hostile} opensSignUp url={hostile} />],
  [
    "an organisation's keys",
    <OrgKeysPage
      {...openOrg}
      keys={{ items: [hostileKey], nextCursor: null }}
      isLater={false}
      form={wrong}
    />,
  ],
  ["an organisation's settings", <OrgSettingsPage hasFactorPolicy {...openOrg} form={wrong} />],
  ['leaving', <OrgQuestionPage org={openOrg.org} question="leave" problem="orgs.error.lastOwner" />],
  [
    'settings that are refused',
    <OrgSettingsPage hasFactorPolicy {...openOrg} form={{ ...wrong, problem: undefined, stated: hostile }} />,
  ],
  [
    "administration's",
    <OrgsPage
      search={{ values: { search: hostile }, errors: {} }}
      orgs={[{ ...openOrg.org, joinPolicy: 'invite', role: null }]}
      paging={{ next: undefined, first: undefined }}
      newOrg={{ values: { name: hostile, slug: hostile }, errors: { slug: 'admin.orgs.taken' } }}
    />,
  ],
];

describePages(pages);

it("an organisation's key is offered what is for its own account, and nothing that only administrators may do", () => {
  const keys = { items: [], nextCursor: null };
  const offered = parse(renderView(<OrgKeysPage {...openOrg} keys={keys} isLater={false} />))
    .querySelectorAll('fieldset label')
    .map((label) => label.structuredText);
  expect(offered.slice(0, 4)).toEqual([
    'Everything that its role allows',
    "Read the key's own account and export its data",
    "Change the key's own account",
    'Read organisations, their members and invites',
  ]);
  expect(offered.filter((label) => /\byou|administrators|ended sessions/.test(label))).toEqual([]);
});

describe.each([
  ['member', 'members'],
  ['request to join', 'requests'],
] as const)('the address of a %s', (_what, list) => {
  const shown = (email: string | null, emailVerified: boolean): string => {
    const member = { ...hostileMember, user: { ...hostileMember.user, email, emailVerified } };
    return renderView(
      <OrgMembersPage
        {...openOrg}
        self="u-1"
        isLater={false}
        members={{ items: list === 'members' ? [member] : [], nextCursor: null }}
        requests={list === 'requests' ? [member] : []}
      />,
    );
  };

  it('is marked until it is verified', () => {
    expect(shown('ceo@example.com', false)).toContain(
      'ceo@example.com <span class="badge">Not verified</span>',
    );
    expect(shown('ceo@example.com', true)).not.toContain('Not verified');
    expect(shown(null, false)).not.toContain('Not verified');
  });
});

describe('the only owner of an organisation', () => {
  const org = { ...openOrg.org, id: 'o-1', name: 'Engines' };
  const members = (isOnlyOwner: boolean): string =>
    renderView(
      <OrgMembersPage
        org={org}
        can={() => true}
        self="u-1"
        isLater={false}
        members={{ items: [], nextCursor: null }}
        requests={[]}
        isOnlyOwner={isOnlyOwner}
      />,
    );

  it('is told why they cannot leave and what to do, instead of being offered to', () => {
    expect(members(false)).toContain('href="/orgs/o-1/leave"');
    const told = members(true);
    expect(told).not.toContain('/leave"');
    expect(told).toContain("You are the only owner, so you can't leave.");
    expect(told).toContain('<a href="/orgs/o-1/delete">delete the organisation</a>');
    const asked = renderView(<OrgQuestionPage org={org} question="leave" problem="orgs.error.lastOwner" />);
    expect(parse(asked).querySelectorAll('main button')).toHaveLength(0);
    expect(asked).toContain(english['orgs.error.lastOwner']);
    const free = parse(renderView(<OrgQuestionPage org={org} question="leave" />));
    expect(free.querySelectorAll('main button')).toHaveLength(1);
  });
});

describe("the administration's page of organisations", () => {
  const page = (
    <OrgsPage
      search={{ values: { search: '' }, errors: {} }}
      orgs={[openOrg.org]}
      paging={{ next: undefined, first: undefined }}
    />
  );

  it('is marked in the navigation, gives every id once, and names only ids that there are', () => {
    const html = renderView(page);
    expect(html.match(/aria-current="page"/g)).toHaveLength(1);
    const ids = [...html.matchAll(/\sid="([^"]+)"/g)].map(([, found]) => found);
    expect(ids).toEqual([...new Set(ids)]);
    const named = [...html.matchAll(/\s(?:for|aria-(?:describedby|labelledby))="([^"]+)"/g)];
    expect(named.map(([, found]) => found).filter((found) => !ids.includes(found))).toEqual([]);
  });

  it('is German where that is asked for', () => {
    expect(renderView(page, {}, 'de')).toContain('aria-label="Verwaltung"');
  });
});
