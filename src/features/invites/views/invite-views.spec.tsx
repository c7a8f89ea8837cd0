import type { VNode } from 'preact';
import { expect, it } from 'vitest';
import { renderView } from '../../../../test/support/page.frame.js';
import { describePages, hostile, orgsOfOneName } from '../../../../test/support/page.suite.js';
import { AdminInvitePage } from './admin-invite.view.js';
import { InvitationAcceptedPage, InvitationGonePage, InvitationPage } from './invitation.view.js';

/** Every page, with hostile text wherever somebody else chooses the text. */
const pages: readonly (readonly [string, VNode])[] = [
  [
    'invitation',
    <InvitationPage
      token={hostile}
      returnTo={`/${hostile}`}
      invite={{
        orgName: hostile,
        inviterName: hostile,
        role: 'member',
        opensSignUp: true,
        isForAddress: true,
      }}
      refusal="otherAddress"
    />,
  ],
  ['invitation that is gone', <InvitationGonePage />],
  [
    'accepted invitation',
    <InvitationAcceptedPage org={{ id: hostile, name: hostile }} isActive={false} next={`/${hostile}`} />,
  ],
];

describePages(pages);

it('organisations of one name can be told apart in the form for an invitation', () => {
  const page = <AdminInvitePage orgs={orgsOfOneName} invites={[]} />;
  const html = renderView(page, { user: { name: 'Ada', email: 'ada@example.org', isAdmin: true } });
  expect(html).toContain('>Acme (acme)<');
  expect(html).toContain('>Acme (acme-berlin)<');
});

it('an invitation is to no organisation where there are none', () => {
  const shown = (features: readonly string[]): string =>
    renderView(<AdminInvitePage orgs={[]} invites={[]} />, { features: new Set(features) });
  expect(shown(['organisations'])).toContain('name="org"');
  expect(shown([])).not.toContain('name="org"');
});

it('an administrator sees the invitations to an account, and can revoke those that are open or have expired', () => {
  const times = { createdAt: '2026-11-24T23:31:00.000Z', expiresAt: '2026-12-01T23:31:00.000Z' };
  const invites = (['open', 'expired', 'revoked'] as const).map((state) => {
    const email = `${state}@example.org`;
    return { id: state, email, state, createdBy: 'u-1', redeemedBy: null, ...times };
  });
  const page = <AdminInvitePage orgs={[]} invites={invites} />;
  const html = renderView(page, { user: { name: 'Ada', email: 'ada@example.org', isAdmin: true } });
  expect(invites.filter(({ email }) => html.includes(`<strong>${email}</strong>`))).toEqual(invites);
  expect([...html.matchAll(/action="\/admin\/invite\/(\w+)\/revoke"/g)].map(([, id]) => id)).toEqual([
    'open',
    'expired',
  ]);
});
