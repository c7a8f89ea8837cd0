import type { ComponentChildren, VNode } from 'preact';
import { FormSelect } from '../../../pages/views/form-field.view.js';
import { useTexts } from '../../../pages/views/page-props.js';
import { userAdministrationTexts } from '../user-administration-texts.js';
import type { UserDetail } from '../users.schemas.js';

export interface UserActionsProps {
  readonly user: UserDetail;
  readonly canRecover: boolean;
}

/** What an administrator can do about somebody else's access. */
export function UserActions({ user, canRecover }: UserActionsProps): VNode {
  const { text } = useTexts(userAdministrationTexts);
  const path = `/admin/users/${encodeURIComponent(user.id)}`;
  const isActive = user.state === 'active';
  return (
    <article class="card sessions" aria-labelledby="access-title">
      <h2 id="access-title">{text('userAdministration.user.access')}</h2>
      {user.kind === 'person' && <RoleForm path={path} role={user.role} />}
      <ul>
        <Act
          id="disable"
          hint={text(isActive ? 'userAdministration.user.disableHint' : 'userAdministration.user.enableHint')}
        >
          <form method="post" action={`${path}/${isActive ? 'disable' : 'enable'}`}>
            <button
              type="submit"
              class={isActive ? 'secondary danger' : 'secondary'}
              aria-describedby="disable-hint"
            >
              {text(isActive ? 'userAdministration.user.disable' : 'userAdministration.user.enable')}
            </button>
          </form>
        </Act>
        {canRecover && isActive && user.kind === 'person' && (
          <Act id="recover" hint={text('userAdministration.user.recoverHint')}>
            <a class="button secondary" href={`${path}/recovery`} aria-describedby="recover-hint">
              {text('userAdministration.user.recover')}
            </a>
          </Act>
        )}
        {canRecover && user.kind === 'person' && (
          <Act id="second-factors" hint={text('userAdministration.user.resetFactorsHint')}>
            <a
              class="button secondary"
              href={`${path}/second-factors`}
              aria-describedby="second-factors-hint"
            >
              {text('userAdministration.user.resetFactors')}
            </a>
          </Act>
        )}
        <Act id="delete" hint={text('userAdministration.user.deleteHint')}>
          <a class="button secondary danger" href={`${path}/delete`} aria-describedby="delete-hint">
            {text('userAdministration.user.delete')}
          </a>
        </Act>
      </ul>
    </article>
  );
}

function RoleForm({ path, role }: { readonly path: string; readonly role: UserDetail['role'] }): VNode {
  const { text } = useTexts(userAdministrationTexts);
  return (
    <form class="filter" method="post" action={`${path}/role`}>
      <FormSelect
        id="role"
        name="role"
        label={text('userAdministration.users.role')}
        initial={role}
        options={[
          { value: 'user', label: text('userAdministration.role.user') },
          { value: 'admin', label: text('userAdministration.role.admin') },
        ]}
      />
      <button type="submit" class="secondary">
        {text('userAdministration.user.saveRole')}
      </button>
    </form>
  );
}

/** One action, with a hint about its effect. */
function Act({
  id,
  hint,
  children,
}: {
  readonly id: string;
  readonly hint: string;
  readonly children: ComponentChildren;
}): VNode {
  return (
    <li>
      <p class="details" id={`${id}-hint`}>
        {hint}
      </p>
      {children}
    </li>
  );
}
