import type { VNode } from 'preact';
import type { OrgAnswer } from '../../../orgs/org.schemas.js';
import type { MemberAnswer } from '../org-management.schemas.js';
import { useLanguage } from '../../../pages/views/page-props.js';
import { orgHref } from '../../../pages/views/orgs/org-layout.view.js';
import { MemberAddress, nameOf } from './org-member.view.js';

export interface JoinRequestsProps {
  readonly org: OrgAnswer;
  readonly requests: readonly MemberAnswer[];
}

/** Requests to join an organisation; nothing if there are none. */
export function JoinRequests({ org, requests }: JoinRequestsProps): VNode | null {
  const { text } = useLanguage();
  return requests.length === 0 ? null : (
    <article class="card sessions" aria-labelledby="requests-title">
      <h2 id="requests-title">{text('orgs.requests')}</h2>
      <ul>
        {requests.map((request, index) => (
          <RequestEntry
            key={request.user.id}
            org={org}
            request={request}
            detailsId={`request-${index + 1}`}
          />
        ))}
      </ul>
    </article>
  );
}

function RequestEntry({
  org,
  request,
  detailsId,
}: {
  readonly org: OrgAnswer;
  readonly request: MemberAnswer;
  readonly detailsId: string;
}): VNode {
  const { text } = useLanguage();
  const name = nameOf(request);
  const action = orgHref(org, `/members/${encodeURIComponent(request.user.id)}`);
  return (
    <li class="stacked">
      <div>
        <p class="key-name">
          <strong>{name}</strong>
        </p>
        <p class="details" id={detailsId}>
          <MemberAddress user={request.user} />
        </p>
      </div>
      <div class="actions">
        <form method="post" action={`${action}/approve`}>
          <button type="submit" aria-label={text('orgs.approveNamed', { name })} aria-describedby={detailsId}>
            {text('orgs.approve')}
          </button>
        </form>
        <form method="post" action={`${action}/reject`}>
          <button
            type="submit"
            class="secondary"
            aria-label={text('orgs.rejectNamed', { name })}
            aria-describedby={detailsId}
          >
            {text('orgs.reject')}
          </button>
        </form>
      </div>
    </li>
  );
}
