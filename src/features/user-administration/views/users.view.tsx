import type { VNode } from 'preact';
import type { z } from 'zod';
import type { listedUserSchema } from '../users.schemas.js';
import { FormField, FormSelect } from '../../../pages/views/form-field.view.js';
import type { FormState } from '../../../pages/views/form-state.js';
import type { PageNotice } from '../../../pages/views/notice.view.js';
import { useTexts, usePage } from '../../../pages/views/page-props.js';
import { userAdministrationTexts } from '../user-administration-texts.js';
import { Time } from '../../../pages/views/time.view.js';
import { AdminLayout } from '../../../pages/views/admin/admin-layout.view.js';
import { DataTable, Paging, type PagingProps } from '../../../pages/views/admin/data-table.view.js';

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
  const { text } = useTexts(userAdministrationTexts);
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
  const { text } = useTexts(userAdministrationTexts);
  return (
    <form class="filter" method="get" action="/admin/users">
      <FormField
        id="user-search"
        name="search"
        type="search"
        label={text('userAdministration.users.search')}
        hint={text('userAdministration.users.searchHint')}
        maxLength={320}
        isFilter
        isVerbatim
        form={form}
      />
      <FormSelect
        id="user-role"
        name="role"
        label={text('userAdministration.users.role')}
        form={form}
        options={[
          { value: '', label: text('admin.any') },
          { value: 'user', label: text('userAdministration.role.user') },
          { value: 'admin', label: text('userAdministration.role.admin') },
        ]}
      />
      <FormSelect
        id="user-state"
        name="state"
        label={text('userAdministration.users.state')}
        form={form}
        options={[
          { value: '', label: text('admin.any') },
          { value: 'active', label: text('userAdministration.state.active') },
          { value: 'disabled', label: text('userAdministration.state.disabled') },
        ]}
      />
      <button type="submit">{text('admin.search')}</button>
    </form>
  );
}

function UserTable({ users }: { readonly users: readonly ListedPerson[] }): VNode {
  const { text } = useTexts(userAdministrationTexts);
  return (
    <DataTable
      caption={text('admin.users')}
      rows={users}
      keyOf={({ id }) => id}
      columns={[
        { label: text('userAdministration.users.user'), cell: (user) => <UserCell user={user} /> },
        {
          label: text('userAdministration.users.role'),
          cell: ({ role }) => text(`userAdministration.role.${role}`),
        },
        { label: text('userAdministration.users.state'), cell: ({ state }) => <StateBadge state={state} /> },
        {
          label: text('userAdministration.users.lastLogin'),
          cell: ({ lastLoginAt }) =>
            lastLoginAt === null ? text('userAdministration.never') : <Time iso={lastLoginAt} />,
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
  const { text } = useTexts(userAdministrationTexts);
  return (
    <>
      <a href={`/admin/users/${encodeURIComponent(id)}`}>
        {name || email || text('userAdministration.users.nameless')}
      </a>
      {email && (
        <span class="details">
          {email} {!emailVerified && <span class="badge">{text('account.notVerified')}</span>}
          {sharesEmail && <span class="badge">{text('userAdministration.users.sameAddress')}</span>}
        </span>
      )}
    </>
  );
}

/** Whether a user is active or disabled. */
export function StateBadge({ state }: { readonly state: ListedPerson['state'] }): VNode {
  const { text } = useTexts(userAdministrationTexts);
  return (
    <span class={state === 'active' ? 'badge success' : 'badge error'}>
      {text(`userAdministration.state.${state}`)}
    </span>
  );
}
