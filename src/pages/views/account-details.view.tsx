import type { VNode } from 'preact';
import type { ProfileProps } from './account-profile.view.js';
import { Entry } from './entry.view.js';
import { IdentityEntries, type ListedIdentity } from './identities.view.js';
import { useLanguage } from './page-props.js';
import { Time } from './time.view.js';

export interface AccountDetailsProps extends Pick<ProfileProps, 'user'> {
  readonly provider: 'ory' | 'auth0' | 'oidc';
  /** Times are ISO 8601. */
  readonly session: { readonly id: string; readonly createdAt: string; readonly expiresAt: string };
  /** Their identities at login providers; undefined if they can't be read now. */
  readonly identities: readonly ListedIdentity[] | undefined;
}

const PROVIDER_NAMES = { ory: 'Ory', auth0: 'Auth0', oidc: 'OpenID Connect' } as const;

/** Technical details for support: the user id, the session, and the person's identities at login providers. */
export function AccountDetails({ user, session, provider, identities }: AccountDetailsProps): VNode {
  const { text } = useLanguage();
  return (
    <details class="technical">
      <summary>{text('account.technical')}</summary>
      <dl>
        <Entry label={text('account.userId')}>
          <code>{user.id}</code>
        </Entry>
        <Entry label={text('account.provider')}>{PROVIDER_NAMES[provider]}</Entry>
        <Entry label={text('account.since')}>
          <Time iso={session.createdAt} />
        </Entry>
        <Entry label={text('account.ends')}>
          <Time iso={session.expiresAt} />
        </Entry>
        <Entry label={text('identities.title')}>
          <IdentityEntries identities={identities} />
        </Entry>
      </dl>
    </details>
  );
}
