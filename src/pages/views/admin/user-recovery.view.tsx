import type { VNode } from 'preact';
import { CopyField } from '../copy-field.view.js';
import { useLanguage } from '../page-props.js';
import { Time } from '../time.view.js';
import { AdminLayout } from './admin-layout.view.js';
import type { UserDetail } from '../../../accounts/admin/users.schemas.js';
import { nameOf } from './user.view.js';

export interface CreatedRecoveryPageProps {
  readonly user: Pick<UserDetail, 'id' | 'name' | 'email'>;
  /** URL of the page that asks for the code. */
  readonly url: string;
  readonly code: string;
  /** ISO 8601. */
  readonly expiresAt: string;
}

/** Shows a new recovery code. It can't be shown again. */
export function CreatedRecoveryPage({ user, url, code, expiresAt }: CreatedRecoveryPageProps): VNode {
  const { text, rich } = useLanguage();
  return (
    <AdminLayout section="users" title={text('admin.recovery.title')}>
      <article class="card">
        <h1>{text('admin.recovery.heading', { name: nameOf(user) })}</h1>
        <p class="notice info" role="status">
          {text('admin.recovery.once')}
        </p>
        <CopyField id="recovery-link" label={text('admin.recovery.link')} value={url} />
        <CopyField id="recovery-code" label={text('admin.recovery.code')} value={code} />
        <p>{rich('admin.recovery.ends', { time: () => <Time iso={expiresAt} /> })}</p>
        <div class="actions">
          <a class="button" href={`/admin/users/${encodeURIComponent(user.id)}`}>
            {text('admin.recovery.back')}
          </a>
        </div>
      </article>
    </AdminLayout>
  );
}
