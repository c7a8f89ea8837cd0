import type { VNode } from 'preact';
import type { MemberAnswer } from '../org-management.schemas.js';
import { FormSelect } from '../../../pages/views/form-field.view.js';
import { useLanguage } from '../../../pages/views/page-props.js';
import { type OpenOrg, orgHref } from '../../../pages/views/orgs/org-layout.view.js';

const roles = ['member', 'admin', 'owner'] as const;

interface MemberEntryProps extends OpenOrg {
  readonly member: MemberAnswer;
  readonly isSelf: boolean;
  /** Whether a change of this member was just refused. */
  readonly isRefused: boolean;
  /** Unique on the page. */
  readonly detailsId: string;
}

/** A member's display name: their name, else their e-mail address, else their id. */
export function nameOf({ user }: MemberAnswer): string {
  return user.name || user.email || user.id;
}

/** A member's address, and whether it has still to be verified: until then, anyone can have typed it. */
export function MemberAddress({ user: { email, emailVerified } }: Pick<MemberAnswer, 'user'>): VNode {
  const { text } = useLanguage();
  return (
    <>
      {email} {email && !emailVerified && <span class="badge">{text('account.notVerified')}</span>}
    </>
  );
}

/** A member, with forms to change their role and to remove them. */
export function MemberEntry({ org, can, member, isSelf, isRefused, detailsId }: MemberEntryProps): VNode {
  const { text } = useLanguage();
  const { user, role } = member;
  const name = nameOf(member);
  const action = orgHref(org, `/members/${encodeURIComponent(user.id)}`);
  const offered = roles.filter((newRole) => can('member.set_role', { role, newRole }));
  const isRemovable = !isSelf && can('member.remove', { role });
  return (
    <li class="stacked">
      <div>
        <p class="key-name">
          <strong>{name}</strong> <span class="badge">{text(`orgs.role.${role}`)}</span>{' '}
          {isSelf && <span class="badge success">{text('orgs.you')}</span>}
        </p>
        <p class="details" id={detailsId}>
          <MemberAddress user={user} />
        </p>
      </div>
      {(offered.length > 0 || isRemovable) && (
        <details open={isRefused}>
          <summary>
            {text('orgs.change')}
            <span class="visually-hidden"> {name}</span>
          </summary>
          {offered.length > 0 && (
            <form method="post" action={`${action}/role`}>
              <FormSelect
                id={`${detailsId}-role`}
                name="role"
                label={text('orgs.role')}
                initial={role}
                options={offered.map((value) => ({ value, label: text(`orgs.role.${value}`) }))}
              />
              <button type="submit" aria-label={text('orgs.saveRoleOf', { name })}>
                {text('orgs.saveRole')}
              </button>
            </form>
          )}
          {isRemovable && (
            <form method="post" action={`${action}/remove`}>
              <button
                type="submit"
                class="secondary danger"
                aria-label={text('orgs.removeNamed', { name })}
                aria-describedby={detailsId}
              >
                {text('orgs.remove')}
              </button>
            </form>
          )}
        </details>
      )}
    </li>
  );
}
