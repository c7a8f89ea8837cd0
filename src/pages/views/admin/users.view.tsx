import type { VNode } from 'preact';
import type { z } from 'zod';
import type { listedUserSchema } from '../../../accounts/admin/users.schemas.js';
import { FormField, FormSelect } from '../form-field.view.js';
import type { FormState } from '../form-state.js';
import type { PageNotice } from '../notice.view.js';
import { useLanguage, usePage } from '../page-props.js';
import { Time } from '../time.view.js';
import { AdminLayout } from './admin-layout.view.js';
import { DataTable, Paging, type PagingProps } from './data-table.view.js';

export type ListedPerson = z.output<typeof listedUserSchema>;

export interface UsersPageProps {
  /** The search: `search`, `role`, `state`. Empty values match any user. */
  readonly form: FormState;
  /** Undefined if the search has errors. */
  readonly users: readonly ListedPerson[] | undefined;
  readonly paging: PagingProps;
  readonly notice?: PageNotice | undefined;
}

/** `GET /admin/users`. */
export function UsersPage({ form, users, paging, notice }: UsersPageProps): VNode {
  const { text } = useLanguage();
  const { features } = usePage();
  return (
    <AdminLayout section="users" title={text('admin.users')} notice={notice} isWrong={users === undefined}>
      <article class="card">
        <header class="title">
          <h1>{text('admin.users')}</h1>
          {features.has('invites') && (
            <a class="button compact" href="/admin/invite">
              {text('admin.invite.title')}
            </a>
          )}
        </header>
        <Search form={form} />
        {users && <UserTable users={users} />}
        <Paging {...paging} />
      </article>
    </AdminLayout>
  );
}

function Search({ form }: { readonly form: FormState }): VNode {
  const { text } = useLanguage();
  return (
    <form class="filter" method="get" action="/admin/users">
      <FormField
        id="user-search"
        name="search"
        type="search"
        label={text('admin.users.search')}
        hint={text('admin.users.searchHint')}
        maxLength={320}
        isFilter
        isVerbatim
        form={form}
      />
      <FormSelect
        id="user-role"
        name="role"
        label={text('admin.users.role')}
        form={form}
        options={[
          { value: '', label: text('admin.any') },
          { value: 'user', label: text('admin.role.user') },
          { value: 'admin', label: text('admin.role.admin') },
        ]}
      />
      <FormSelect
        id="user-state"
        name="state"
        label={text('admin.users.state')}
        form={form}
        options={[
          { value: '', label: text('admin.any') },
          { value: 'active', label: text('admin.state.active') },
          { value: 'disabled', label: text('admin.state.disabled') },
        ]}
      />
      <button type="submit">{text('admin.search')}</button>
    </form>
  );
}

function UserTable({ users }: { readonly users: readonly ListedPerson[] }): VNode {
  const { text } = useLanguage();
  return (
    <DataTable
      caption={text('admin.users')}
      rows={users}
      keyOf={({ id }) => id}
      columns={[
        { label: text('admin.users.user'), cell: (user) => <UserCell user={user} /> },
        { label: text('admin.users.role'), cell: ({ role }) => text(`admin.role.${role}`) },
        { label: text('admin.users.state'), cell: ({ state }) => <StateBadge state={state} /> },
        {
          label: text('admin.users.lastLogin'),
          cell: ({ lastLoginAt }) =>
            lastLoginAt === null ? text('admin.never') : <Time iso={lastLoginAt} />,
        },
      ]}
    />
  );
}

function UserCell({
  user: { id, name, email, emailVerified, sharesEmail },
}: {
  readonly user: ListedPerson;
}): VNode {
  const { text } = useLanguage();
  return (
    <>
      <a href={`/admin/users/${encodeURIComponent(id)}`}>{name || email || text('admin.users.nameless')}</a>
      {email && (
        <span class="details">
          {email} {!emailVerified && <span class="badge">{text('account.notVerified')}</span>}
          {sharesEmail && <span class="badge">{text('admin.users.sameAddress')}</span>}
        </span>
      )}
    </>
  );
}

/** Whether a user is active or disabled. */
export function StateBadge({ state }: { readonly state: ListedPerson['state'] }): VNode {
  const { text } = useLanguage();
  return (
    <span class={state === 'active' ? 'badge success' : 'badge error'}>{text(`admin.state.${state}`)}</span>
  );
}
