import type { VNode } from 'preact';
import { FormField, FormSelect } from '../form-field.view.js';
import type { FormState } from '../form-state.js';
import { useLanguage } from '../page-props.js';
import { AdminLayout } from './admin-layout.view.js';
import { AuditTable, type ListedEvent } from './audit-table.view.js';
import { Paging, type PagingProps } from './data-table.view.js';

/** The filter's fields after the event type, with the type of their inputs. */
const fields = [
  ['actor', 'text'],
  ['target', 'text'],
  ['org', 'text'],
  ['from', 'datetime-local'],
  ['to', 'datetime-local'],
] as const;

export interface AuditEventsPageProps {
  /**
   * The filter: `type`, `actor`, `target`, `org`, and `from` and `to` in UTC, such as `2026-01-31T12:00`. Empty values match
   * any event.
   */
  readonly form: FormState;
  /** The types of events of the core and the features. */
  readonly types: readonly string[];
  /** Undefined if the filter has errors. */
  readonly events: readonly ListedEvent[] | undefined;
  /** Names of the users and organisations in the events, by id. */
  readonly names: ReadonlyMap<string, string>;
  readonly paging: PagingProps;
}

/** `GET /admin/audit-events`. */
export function AuditEventsPage({ form, types, events, names, paging }: AuditEventsPageProps): VNode {
  const { text } = useLanguage();
  // Events of a feature that was left out are still there.
  const past = events === undefined ? [] : [form.values['type'] ?? '', ...events.map(({ type }) => type)];
  const offered = new Set([...types, ...past.filter((type) => type !== '')]);
  return (
    <AdminLayout section="audit" title={text('admin.audit')} isWrong={events === undefined}>
      <article class="card">
        <h1>{text('admin.audit')}</h1>
        <Filter form={form} types={offered} />
        {events && <AuditTable events={events} names={names} />}
        <Paging {...paging} />
      </article>
    </AdminLayout>
  );
}

function Filter({ form, types }: { readonly form: FormState; readonly types: ReadonlySet<string> }): VNode {
  const { text, find } = useLanguage();
  const isUsed = Object.values(form.values).some((value) => value !== '');
  const options = [...types].map((type) => ({
    value: type,
    label: find(`admin.audit.type.${type}`) ?? type,
  }));
  return (
    <details open={isUsed}>
      <summary>{text('admin.audit.filter')}</summary>
      <form method="get" action="/admin/audit-events">
        <FormSelect
          id="event-type"
          name="type"
          label={text('admin.audit.type')}
          options={[{ value: '', label: text('admin.any') }, ...options]}
          form={form}
        />
        {fields.map(([name, type]) => (
          <FormField
            key={name}
            id={`event-${name}`}
            name={name}
            type={type}
            label={text(`admin.audit.${name}`)}
            maxLength={40}
            isFilter
            isVerbatim
            form={form}
          />
        ))}
        <div class="actions">
          <button type="submit">{text('admin.audit.show')}</button>
          {isUsed && (
            <a class="button secondary" href="/admin/audit-events">
              {text('admin.audit.all')}
            </a>
          )}
        </div>
      </form>
    </details>
  );
}
