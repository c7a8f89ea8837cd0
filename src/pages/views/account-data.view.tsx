import type { VNode } from 'preact';
import type { TextKey } from '../../platform/i18n/locales/en.js';
import { Layout } from './layout.view.js';
import { useLanguage } from './page-props.js';

/** The card that offers the export of a person's data and the deletion of their account. */
export function AccountData(): VNode {
  const { text } = useLanguage();
  return (
    <article class="card" aria-labelledby="data-title">
      <h2 id="data-title">{text('account.data.title')}</h2>
      <p>{text('account.data.lead')}</p>
      <div class="actions">
        <a class="button secondary" href="/api/v1/me/export" download="">
          {text('account.data.download')}
        </a>
        <a class="button secondary danger" href="/account/delete">
          {text('account.delete.link')}
        </a>
      </div>
    </article>
  );
}

export interface DeleteAccountPageProps {
  /** With `ory`, the login is deleted too; other providers keep it. */
  readonly provider: 'ory' | 'auth0' | 'oidc';
  /** Why the deletion was refused. */
  readonly problem?: TextKey | undefined;
  /** The organisations for which it was refused. */
  readonly orgs?: readonly { readonly id: string; readonly name: string }[] | undefined;
  /** The same as the API states it, in English, if there is no text for it. */
  readonly stated?: string | undefined;
}

/** Asks for confirmation before an account is deleted. */
export function DeleteAccountPage({ provider, problem, orgs = [], stated }: DeleteAccountPageProps): VNode {
  const { text } = useLanguage();
  const title = text('account.delete.title');
  const refusal = problem === undefined ? stated : text(problem);
  return (
    <Layout title={refusal === undefined ? title : text('common.errorTitle', { title })}>
      <article class="card">
        <h1>{title}</h1>
        {refusal !== undefined && (
          <div class="notice error" role="alert">
            <p>{refusal}</p>
            {orgs.length > 0 && (
              <ul>
                {orgs.map(({ id, name }) => (
                  <li key={id}>
                    <a href={`/orgs/${encodeURIComponent(id)}`}>{name}</a>
                  </li>
                ))}
              </ul>
            )}
          </div>
        )}
        <p>{text('account.delete.lead')}</p>
        {provider !== 'ory' && <p>{text('account.delete.elsewhere')}</p>}
        <form method="post" action="/account/delete">
          <div class="actions">
            <button type="submit" class="danger">
              {text('account.delete.confirm')}
            </button>
            <a class="button secondary" href="/">
              {text('common.backToAccount')}
            </a>
          </div>
        </form>
      </article>
    </Layout>
  );
}
