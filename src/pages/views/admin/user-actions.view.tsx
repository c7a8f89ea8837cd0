import type { ComponentChildren, VNode } from 'preact';
import { FormSelect } from '../form-field.view.js';
import { useLanguage } from '../page-props.js';
import type { UserDetail } from '../../../accounts/admin/users.schemas.js';

export interface UserActionsProps {
  readonly user: UserDetail;
  readonly canRecover: boolean;
}

/** What an administrator can do about somebody else's access. */
export function UserActions({ user, canRecover }: UserActionsProps): VNode {
  const { text } = useLanguage();
  const path = `/admin/users/${encodeURIComponent(user.id)}`;
  const isActive = user.state === 'active';
  return (
    <article class="card sessions" aria-labelledby="access-title">
      <h2 id="access-title">{text('admin.user.access')}</h2>
      {user.kind === 'person' && <RoleForm path={path} role={user.role} />}
      <ul>
        <Act id="disable" hint={text(isActive ? 'admin.user.disableHint' : 'admin.user.enableHint')}>
          <form method="post" action={`${path}/${isActive ? 'disable' : 'enable'}`}>
            <button
              type="submit"
              class={isActive ? 'secondary danger' : 'secondary'}
              aria-describedby="disable-hint"
            >
              {text(isActive ? 'admin.user.disable' : 'admin.user.enable')}
            </button>
          </form>
        </Act>
        {canRecover && isActive && user.kind === 'person' && (
          <Act id="recover" hint={text('admin.user.recoverHint')}>
            <a class="button secondary" href={`${path}/recovery`} aria-describedby="recover-hint">
              {text('admin.user.recover')}
            </a>
          </Act>
        )}
        {canRecover && user.kind === 'person' && (
          <Act id="second-factors" hint={text('admin.user.resetFactorsHint')}>
            <a
              class="button secondary"
              href={`${path}/second-factors`}
              aria-describedby="second-factors-hint"
            >
              {text('admin.user.resetFactors')}
            </a>
          </Act>
        )}
        <Act id="delete" hint={text('admin.user.deleteHint')}>
          <a class="button secondary danger" href={`${path}/delete`} aria-describedby="delete-hint">
            {text('admin.user.delete')}
          </a>
        </Act>
      </ul>
    </article>
  );
}

function RoleForm({ path, role }: { readonly path: string; readonly role: UserDetail['role'] }): VNode {
  const { text } = useLanguage();
  return (
    <form class="filter" method="post" action={`${path}/role`}>
      <FormSelect
        id="role"
        name="role"
        label={text('admin.users.role')}
        initial={role}
        options={[
          { value: 'user', label: text('admin.role.user') },
          { value: 'admin', label: text('admin.role.admin') },
        ]}
      />
      <button type="submit" class="secondary">
        {text('admin.user.saveRole')}
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
