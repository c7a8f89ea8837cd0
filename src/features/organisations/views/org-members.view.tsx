import type { VNode } from 'preact';
import type { TextKey } from '../../../platform/i18n/locales/en.js';
import type { MemberAnswer } from '../org-management.schemas.js';
import { useLanguage } from '../../../pages/views/page-props.js';
import { JoinRequests } from './org-requests.view.js';
import { MemberEntry } from './org-member.view.js';
import {
  NextPage,
  OrgLayout,
  type OrgPageProps,
  orgHref,
} from '../../../pages/views/orgs/org-layout.view.js';

export interface OrgMembersPageProps extends OrgPageProps {
  /** The person's own id. */
  readonly self: string;
  /** One page of members. */
  readonly members: { readonly items: readonly MemberAnswer[]; readonly nextCursor: string | null };
  /** Whether it isn't the first page. */
  readonly isLater: boolean;
  /** People who have asked to join; empty unless the person may read them. */
  readonly requests: readonly MemberAnswer[];
  /** Whether the person can't leave, because nobody else owns the organisation. */
  readonly isOnlyOwner?: boolean | undefined;
  /** The member whose change was refused, and why. */
  readonly refused?: { readonly userId: string; readonly problem: TextKey } | undefined;
}

/** `GET /orgs/:id`: the members, and forms to change them and to decide on requests to join, for anyone who may. */
export function OrgMembersPage(props: OrgMembersPageProps): VNode {
  const { text, rich } = useLanguage();
  const { self, members, isLater, requests, isOnlyOwner, refused, ...page } = props;
  const { org, can } = page;
  return (
    <OrgLayout {...page} section="members" isWrong={refused !== undefined}>
      <JoinRequests org={org} requests={requests} />
      <article class="card sessions" aria-labelledby="members-title">
        <h2 id="members-title">{text('orgs.section.members')}</h2>
        {refused !== undefined && (
          <p class="notice error" role="alert">
            {text(refused.problem)}
          </p>
        )}
        <ul>
          {members.items.map((member, index) => (
            <MemberEntry
              key={member.user.id}
              org={org}
              can={can}
              member={member}
              isSelf={member.user.id === self}
              isRefused={member.user.id === refused?.userId}
              detailsId={`member-${index + 1}`}
            />
          ))}
        </ul>
        <NextPage href={orgHref(org)} isLater={isLater} nextCursor={members.nextCursor} />
        {can('member.leave') && org.role !== null && (
          <p>
            {isOnlyOwner === true ? (
              rich('orgs.leave.onlyOwner', {
                delete: (words) => <a href={orgHref(org, '/delete')}>{words}</a>,
              })
            ) : (
              <a class="button secondary" href={orgHref(org, '/leave')}>
                {text('orgs.leave.link')}
              </a>
            )}
          </p>
        )}
      </article>
    </OrgLayout>
  );
}
