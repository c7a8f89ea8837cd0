import type { VNode } from 'preact';
import type { OrgRole } from '../../../platform/database/database.schema.js';
import { useLanguage } from '../../../pages/views/page-props.js';
import { Time } from '../../../pages/views/time.view.js';

export interface WaitingInvite {
  readonly id: string;
  readonly org: { readonly name: string };
  readonly role: OrgRole;
  /** ISO 8601. */
  readonly expiresAt: string;
  readonly invitedBy: { readonly name: string | null };
}

/** Invitations for the person's own address; nothing if there are none. */
export function AccountInvites({ invites }: { readonly invites: readonly WaitingInvite[] }): VNode | null {
  const { text } = useLanguage();
  return invites.length === 0 ? null : (
    <article class="card sessions" aria-labelledby="invites-title">
      <h2 id="invites-title">{text('invites.waiting.title')}</h2>
      <ul>
        {invites.map((invite, index) => (
          <InviteEntry key={invite.id} invite={invite} detailsId={`invite-${index + 1}`} />
        ))}
      </ul>
    </article>
  );
}

function InviteEntry({
  invite: { id, org, role, expiresAt, invitedBy },
  detailsId,
}: {
  readonly invite: WaitingInvite;
  /** Id of the details, which distinguish the buttons of organisations with the same name. */
  readonly detailsId: string;
}): VNode {
  const { text, rich } = useLanguage();
  const action = `/account/invites/${encodeURIComponent(id)}`;
  return (
    <li class="stacked">
      <div>
        <p class="key-name">
          <strong>{org.name}</strong>
        </p>
        <p class="details" id={detailsId}>
          {invitedBy.name === null
            ? text('invites.as', { role: text(`orgs.role.${role}`) })
            : text('invites.asBy', { role: text(`orgs.role.${role}`), inviter: invitedBy.name })}
          <br />
          {rich('invites.ends', { time: () => <Time iso={expiresAt} /> })}
        </p>
      </div>
      <div class="actions">
        <form method="post" action={`${action}/accept`}>
          <button
            type="submit"
            aria-label={text('invites.acceptNamed', { name: org.name })}
            aria-describedby={detailsId}
          >
            {text('invites.accept')}
          </button>
        </form>
        <form method="post" action={`${action}/decline`}>
          <button
            type="submit"
            class="secondary"
            aria-label={text('invites.declineNamed', { name: org.name })}
            aria-describedby={detailsId}
          >
            {text('invites.decline')}
          </button>
        </form>
      </div>
    </li>
  );
}
