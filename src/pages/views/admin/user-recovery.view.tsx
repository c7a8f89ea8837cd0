import type { VNode } from 'preact';
import { useLanguage } from '../page.props.js';
import { Time } from '../time.view.js';
import { AdminLayout } from './admin-layout.view.js';
import { nameOf, type PersonDetail } from './user.view.js';

export interface RecoveryPageProps {
  readonly user: Pick<PersonDetail, 'id' | 'name' | 'email'>;
  /** Why no code could be made, as the API says it. */
  readonly refusal?: string | undefined;
}

/** `GET /admin/users/:id/recovery`: what a recovery code is, before one is made. */
export function RecoveryPage({ user, refusal }: RecoveryPageProps): VNode {
  const { text } = useLanguage();
  const path = `/admin/users/${encodeURIComponent(user.id)}`;
  return (
    <AdminLayout section="users" title={text('admin.recovery.title')} refusal={refusal}>
      <article class="card">
        <h1>{text('admin.recovery.heading', { name: nameOf(user) })}</h1>
        {user.email && <p>{user.email}</p>}
        <p class="lead">{text('admin.recovery.lead')}</p>
        <div class="actions">
          <form method="post" action={`${path}/recovery`}>
            <button type="submit">{text('admin.recovery.submit')}</button>
          </form>
          <a class="button secondary" href={path}>
            {text('admin.cancel')}
          </a>
        </div>
      </article>
    </AdminLayout>
  );
}

export interface CreatedRecoveryPageProps {
  readonly user: Pick<PersonDetail, 'id' | 'name' | 'email'>;
  /** Address of the page that asks for the code. */
  readonly url: string;
  readonly code: string;
  /** ISO 8601. */
  readonly expiresAt: string;
}

/** Shows a recovery code that has just been made, once. */
export function CreatedRecoveryPage({ user, url, code, expiresAt }: CreatedRecoveryPageProps): VNode {
  const { text, rich } = useLanguage();
  return (
    <AdminLayout section="users" title={text('admin.recovery.title')}>
      <article class="card">
        <h1>{text('admin.recovery.heading', { name: nameOf(user) })}</h1>
        <p class="notice info" role="status">
          {text('admin.recovery.once')}
        </p>
        <ShownOnce id="recovery-link" label={text('admin.recovery.link')} value={url} />
        <ShownOnce id="recovery-code" label={text('admin.recovery.code')} value={code} />
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

function ShownOnce({
  id,
  label,
  value,
}: {
  readonly id: string;
  readonly label: string;
  readonly value: string;
}): VNode {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input id={id} type="text" readonly value={value} autocomplete="off" spellcheck={false} />
    </div>
  );
}
