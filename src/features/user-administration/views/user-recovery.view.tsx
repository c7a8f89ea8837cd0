import type { VNode } from 'preact';
import { CopyField } from '../../../pages/views/copy-field.view.js';
import { useTexts } from '../../../pages/views/page-props.js';
import { userAdministrationTexts } from '../user-administration-texts.js';
import { Time } from '../../../pages/views/time.view.js';
import { AdminLayout } from '../../../pages/views/admin/admin-layout.view.js';
import type { UserDetail } from '../users.schemas.js';
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
  const { text, rich } = useTexts(userAdministrationTexts);
  return (
    <AdminLayout section="users" title={text('userAdministration.recovery.title')}>
      <article class="card">
        <h1>{text('userAdministration.recovery.heading', { name: nameOf(user) })}</h1>
        <p class="notice info" role="status">
          {text('userAdministration.recovery.once')}
        </p>
        <CopyField id="recovery-link" label={text('userAdministration.recovery.link')} value={url} />
        <CopyField id="recovery-code" label={text('userAdministration.recovery.code')} value={code} />
        <p>{rich('userAdministration.recovery.ends', { time: () => <Time iso={expiresAt} /> })}</p>
        <div class="actions">
          <a class="button" href={`/admin/users/${encodeURIComponent(user.id)}`}>
            {text('userAdministration.recovery.back')}
          </a>
        </div>
      </article>
    </AdminLayout>
  );
}
