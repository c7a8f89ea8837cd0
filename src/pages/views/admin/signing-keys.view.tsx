import type { VNode } from 'preact';
import type { SigningKeyItem } from '../../../operations/signing-keys/signing-keys.schemas.js';
import type { PageNotice } from '../notice.view.js';
import { useLanguage } from '../page-props.js';
import { Time } from '../time.view.js';
import { AdminLayout } from './admin-layout.view.js';
import { DataTable } from './data-table.view.js';

export interface SigningKeysPageProps {
  readonly keys: readonly SigningKeyItem[];
  readonly notice?: PageNotice | undefined;
}

const badges = { next: 'badge', current: 'badge success', retired: 'badge', revoked: 'badge error' } as const;

/** `GET /admin/keys`. */
export function SigningKeysPage({ keys, notice }: SigningKeysPageProps): VNode {
  const { text } = useLanguage();
  const current = keys.find(({ state }) => state === 'current');
  return (
    <AdminLayout section="keys" title={text('admin.keys')} notice={notice}>
      <article class="card">
        <h1>{text('admin.keys')}</h1>
        <p class="lead">{text('admin.keys.lead')}</p>
        <DataTable
          caption={text('admin.keys')}
          rows={keys}
          keyOf={({ kid }) => kid}
          columns={[
            { label: text('admin.keys.kid'), cell: ({ kid }) => <code>{kid}</code> },
            { label: text('admin.keys.algorithm'), cell: ({ algorithm }) => algorithm },
            {
              label: text('admin.keys.state'),
              cell: ({ state }) => <span class={badges[state]}>{text(`admin.keys.state.${state}`)}</span>,
            },
            { label: text('admin.keys.since'), cell: (key) => <Time iso={sinceOf(key)} /> },
          ]}
        />
        <form method="post" action="/admin/keys/rotate">
          {/* The key that was current when the page was rendered: pressed twice, the button rotates once. */}
          <input type="hidden" name="current" value={current?.kid ?? ''} />
          <p id="rotate-hint">{text('admin.keys.rotateHint')}</p>
          <button type="submit" class="secondary" aria-describedby="rotate-hint">
            {text('admin.keys.rotate')}
          </button>
        </form>
      </article>
    </AdminLayout>
  );
}

/** When the key was retired, else when it became current, else when it was created. */
function sinceOf({ createdAt, activatedAt, retiredAt }: SigningKeyItem): string {
  return retiredAt ?? activatedAt ?? createdAt;
}
