import type { ComponentChild, VNode } from 'preact';
import { AccountData } from './account-data.view.js';
import { AccountDetails, type AccountDetailsProps } from './account-details.view.js';
import { AccountLogins, type AccountLoginsProps } from './account-logins.view.js';
import { Profile } from './account-profile.view.js';
import { ApiKeys, type ListedKey } from './api-keys.view.js';
import type { FormState } from './form-state.js';
import { Layout } from './layout.view.js';
import { Notice, type PageNotice } from './notice.view.js';
import { useLanguage } from './page-props.js';
import { Sessions, type SessionsProps } from './sessions.view.js';

export interface AccountPageProps
  extends AccountDetailsProps, SessionsProps, Omit<AccountLoginsProps, 'isVerified'> {
  /** Their organisations, and invitations to others, where this deployment manages them. */
  readonly memberships: ComponentChild;
  /** What they have allowed applications, where this deployment knows it. */
  readonly apps: ComponentChild;
  /** Their API keys; undefined if they can't be read now. */
  readonly keys: readonly ListedKey[] | undefined;
  /** The refused form for an API key, with its errors. */
  readonly keyForm?: FormState | undefined;
  /** What has just been done. */
  readonly notice?: PageNotice | undefined;
  /** The name of what the notice is about. */
  readonly about?: string | undefined;
}

/** `GET /` for somebody who is logged in. Their profile and login methods come first, API keys and data last. */
export function AccountPage(props: AccountPageProps): VNode {
  const { text, rich } = useLanguage();
  const { user, provider, isElsewhere, methods, memberships, sessions, apps, keys, keyForm, notice, about } =
    props;
  const title = text('account.title');
  return (
    <Layout title={keyForm === undefined ? title : text('common.errorTitle', { title })} width="wide">
      {notice && <Notice notice={notice} about={about} />}
      <div class="columns">
        <div>
          <Profile user={user} isElsewhere={isElsewhere} />
          <AccountLogins isElsewhere={isElsewhere} methods={methods} isVerified={user.emailVerified} />
          <Sessions sessions={sessions} sessionPages={props.sessionPages} />
          {provider === 'ory' ? apps : <AppsElsewhere />}
        </div>
        <div>
          {memberships}
          <ApiKeys keys={keys} form={keyForm} />
          <AccountData />
        </div>
      </div>
      <AccountDetails {...props} />
      <p class="elsewhere">
        {rich('common.forDevelopers', { docs: (words) => <a href="/docs">{words}</a> })}
      </p>
    </Layout>
  );
}

/** States that the login provider keeps the list of connected apps (Auth0, OpenID providers), and not this deployment. */
function AppsElsewhere(): VNode {
  const { text } = useLanguage();
  return (
    <article class="card sessions" aria-labelledby="connected-apps-title">
      <h2 id="connected-apps-title">{text('apps.title')}</h2>
      <p>{text('apps.elsewhere')}</p>
    </article>
  );
}
