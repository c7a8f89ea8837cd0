import type { VNode } from 'preact';
import { Avatar } from './avatar.view.js';
import { LogOutButton } from './log-out.view.js';
import { useLanguage } from './page-props.js';

export interface ProfileProps {
  readonly user: {
    /** Local id, the token's `sub`. */
    readonly id: string;
    readonly name: string | null;
    readonly email: string | null;
    readonly emailVerified: boolean;
    readonly picture: string | null;
  };
  /** Whether the account's settings are elsewhere: at another provider, or at a company directory. */
  readonly isElsewhere: boolean;
}

/** The person who is logged in, with links to the settings and to log out. */
export function Profile({ user, isElsewhere }: ProfileProps): VNode {
  const { text, rich } = useLanguage();
  return (
    <article class="card">
      <header class="person">
        <Avatar name={user.name || user.email || ''} picture={user.picture} />
        <div>
          <h1>{user.name || text('account.title')}</h1>
          {user.email && (
            <p>
              <span class="email">{user.email}</span> <EmailBadge verified={user.emailVerified} />
            </p>
          )}
        </div>
      </header>
      {!isElsewhere && user.email && !user.emailVerified && (
        <p class="notice info">
          {rich('account.verify', { link: (words) => <a href="/ui/verification">{words}</a> })}
        </p>
      )}
      <div class="actions">
        {!isElsewhere && (
          <a class="button" href="/ui/settings">
            {text('account.settings')}
          </a>
        )}
        <LogOutButton />
      </div>
    </article>
  );
}

function EmailBadge({ verified }: { readonly verified: boolean }): VNode {
  const { text } = useLanguage();
  return verified ? (
    <span class="badge success">{text('account.verified')}</span>
  ) : (
    <span class="badge">{text('account.notVerified')}</span>
  );
}
