import type { VNode } from 'preact';
import { AccountData } from './account-data.view.js';
import { AccountInvites, type WaitingInvite } from './account-invites.view.js';
import { AccountOrgs, type AccountOrgsProps } from './account-orgs.view.js';
import { Profile, type ProfileProps } from './account-profile.view.js';
import { ApiKeys, type ListedKey } from './api-keys.view.js';
import type { FormState } from './form.state.js';
import { Identities, type ListedIdentity } from './identities.view.js';
import { Layout } from './layout.view.js';
import { Notice, type PageNotice } from './notice.view.js';
import { useLanguage } from './page.props.js';
import { type ListedSession, Sessions } from './sessions.view.js';

export interface AccountPageProps extends ProfileProps, AccountOrgsProps {
  /** Those that wait for the person. */
  readonly invites: readonly WaitingInvite[];
  /** Who they are at login providers; undefined when it can't be read now. */
  readonly identities: readonly ListedIdentity[] | undefined;
  /** Where else the person is logged in; undefined when it can't be read now. */
  readonly sessions: readonly ListedSession[] | undefined;
  /** Their API keys; undefined when they can't be read now. */
  readonly keys: readonly ListedKey[] | undefined;
  /** The form for an API key, when it has to be mended. */
  readonly keyForm?: FormState | undefined;
  /** What has just been done. */
  readonly notice?: PageNotice | undefined;
}

/** `GET /` for somebody who is logged in. */
export function AccountPage(props: AccountPageProps): VNode {
  const { text, rich } = useLanguage();
  const { user, session, provider, orgs, joinable, invites, identities, sessions, keys, keyForm, notice } =
    props;
  const title = text('account.title');
  return (
    <Layout title={keyForm === undefined ? title : text('common.errorTitle', { title })}>
      {notice && <Notice notice={notice} />}
      <Profile user={user} session={session} provider={provider} />
      <AccountInvites invites={invites} />
      <AccountOrgs orgs={orgs} joinable={joinable} />
      <Identities identities={identities}>
        <p>{text(provider === 'ory' ? 'account.logins' : 'account.loginsElsewhere')}</p>
      </Identities>
      <Sessions sessions={sessions} />
      <ApiKeys keys={keys} form={keyForm} />
      <AccountData />
      <p class="elsewhere">
        {rich('common.forDevelopers', { docs: (words) => <a href="/docs">{words}</a> })}
      </p>
    </Layout>
  );
}
