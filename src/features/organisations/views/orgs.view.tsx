import type { VNode } from 'preact';
import type { OrgAnswer } from '../../../orgs/org.schemas.js';
import { FormField } from '../../../pages/views/form-field.view.js';
import type { FormState } from '../../../pages/views/form-state.js';
import { useLanguage } from '../../../pages/views/page-props.js';
import { Time } from '../../../pages/views/time.view.js';
import { AdminLayout } from '../../../pages/views/admin/admin-layout.view.js';
import { DataTable, Paging, type PagingProps } from '../../../pages/views/admin/data-table.view.js';

export interface OrgsPageProps {
  /** The search: `search`. An empty value matches any organisation. */
  readonly search: FormState;
  /** Undefined if the search has errors. */
  readonly orgs: readonly OrgAnswer[] | undefined;
  readonly paging: PagingProps;
  /** The refused form for a new organisation, with its errors: `name`, `slug`. */
  readonly newOrg?: FormState | undefined;
}

/** `GET /admin/orgs`. */
export function OrgsPage({ search, orgs, paging, newOrg }: OrgsPageProps): VNode {
  const { text } = useLanguage();
  const isWrong = orgs === undefined || newOrg !== undefined;
  return (
    <AdminLayout section="orgs" title={text('admin.orgs')} isWrong={isWrong}>
      <article class="card">
        <h1>{text('admin.orgs')}</h1>
        <form class="filter" method="get" action="/admin/orgs">
          <FormField
            id="org-search"
            name="search"
            type="search"
            label={text('admin.orgs.search')}
            hint={text('admin.orgs.searchHint')}
            maxLength={320}
            isFilter
            isVerbatim
            form={search}
          />
          <button type="submit">{text('admin.search')}</button>
        </form>
        {orgs && <OrgTable orgs={orgs} />}
        <Paging {...paging} />
      </article>
      <NewOrg form={newOrg} />
    </AdminLayout>
  );
}

function OrgTable({ orgs }: { readonly orgs: readonly OrgAnswer[] }): VNode {
  const { text } = useLanguage();
  return (
    <DataTable
      caption={text('admin.orgs')}
      rows={orgs}
      keyOf={({ id }) => id}
      columns={[
        {
          label: text('admin.orgs.name'),
          cell: ({ id, name }) => <a href={`/orgs/${encodeURIComponent(id)}`}>{name}</a>,
        },
        { label: text('admin.orgs.slug'), cell: ({ slug }) => <code>{slug}</code> },
        { label: text('admin.orgs.domain'), cell: (org) => domainText(org, text) },
        { label: text('admin.orgs.since'), cell: ({ createdAt }) => <Time iso={createdAt} /> },
      ]}
    />
  );
}

function domainText(
  { domain, domainState }: OrgAnswer,
  text: ReturnType<typeof useLanguage>['text'],
): string {
  if (domain === null) return '–';
  return domainState === 'confirmed' ? domain : text('admin.orgs.domainUnconfirmed', { domain });
}

function NewOrg({ form }: { readonly form: FormState | undefined }): VNode {
  const { text, rich } = useLanguage();
  return (
    <article class="card" aria-labelledby="new-org-title">
      <h2 id="new-org-title">{text('admin.orgs.new')}</h2>
      <p class="lead">{text('admin.orgs.newHint')}</p>
      <form method="post" action="/admin/orgs">
        <FormField id="org-name" name="name" label={text('admin.orgs.name')} maxLength={200} form={form} />
        <FormField
          id="org-slug"
          name="slug"
          label={text('admin.orgs.slug')}
          hint={rich('admin.orgs.slugHint', { code: (words) => <code>{words}</code> })}
          maxLength={40}
          isVerbatim
          form={form}
        />
        <button type="submit">{text('admin.orgs.create')}</button>
      </form>
    </article>
  );
}
