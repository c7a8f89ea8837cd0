import type { VNode } from 'preact';
import type { OrgRole } from '../../../platform/database/database.schema.js';
import { type ShownInvite, inviteSentence } from '../../../pages/views/invite-banner.view.js';
import { Layout } from '../../../pages/views/layout.view.js';
import { useLanguage, usePage } from '../../../pages/views/page-props.js';

/** Why an invite was not accepted. */
export type InvitationRefusal = 'gone' | 'unverified' | 'otherAddress';

export interface InvitationPageProps {
  readonly token: string;
  /** Path to continue to afterwards. */
  readonly returnTo: string;
  readonly invite: ShownInvite & {
    readonly role: OrgRole;
    /** Whether only one address can accept it. */
    readonly isForAddress: boolean;
    /** Whether somebody without an account can get one by it. */
    readonly opensSignUp: boolean;
  };
  readonly refusal?: InvitationRefusal | undefined;
}

/** `GET /invitation`: shows an invite, and asks whether to accept it. */
export function InvitationPage({ token, returnTo, invite, refusal }: InvitationPageProps): VNode {
  const { brand, user, language } = usePage();
  const { text } = language;
  const { orgName: org, role } = invite;
  const title =
    org === null
      ? text('invites.question.titleAccount', { org: brand.name })
      : text('invites.question.title', { org });
  const query = new URLSearchParams({ invite: token, ...(returnTo === '/' ? {} : { return_to: returnTo }) });
  const signUp = invite.opensSignUp ? `/auth/signup?${query}` : undefined;
  const visitorLinks = { logIn: `/auth/login?${query}`, signUp };
  return (
    <Layout title={title} visitorLinks={visitorLinks}>
      <article class="card">
        <header>
          <h1>{title}</h1>
          <p class="lead">{inviteSentence(invite, language, brand.name)}</p>
        </header>
        {org !== null && <p>{text('invites.question.role', { role: text(`orgs.role.${role}`) })}</p>}
        {refusal !== undefined && refusal !== 'gone' && (
          <p class="notice error" role="alert">
            {text(`invites.refused.${refusal}`)}
          </p>
        )}
        {user === null ? (
          <>
            {invite.isForAddress && (
              <p>
                {invite.mailedTo
                  ? text('invites.question.thisAddress', { email: invite.mailedTo })
                  : text('invites.question.sameAddress')}
              </p>
            )}
            {signUp === undefined && <p>{text('invites.question.needsAccount')}</p>}
            <div class="actions">
              {signUp !== undefined && (
                <a class="button" href={signUp}>
                  {text('site.signUp')}
                </a>
              )}
              <a class={signUp === undefined ? 'button' : 'button secondary'} href={visitorLinks.logIn}>
                {text('site.logIn')}
              </a>
            </div>
          </>
        ) : (
          <>
            <p>{text('common.loggedInAs', { email: user.email ?? user.name ?? '–' })}</p>
            <form method="post" action="/invitation" class="actions">
              <input type="hidden" name="invite" value={token} />
              <input type="hidden" name="return_to" value={returnTo} />
              <button type="submit">{text('invites.accept')}</button>
              <a class="button secondary" href={returnTo}>
                {text('flow.notNow')}
              </a>
            </form>
            <p>{text('invites.question.other')}</p>
          </>
        )}
      </article>
    </Layout>
  );
}

/** The page for an invite that can't be accepted any more, or that never existed. */
export function InvitationGonePage(): VNode {
  const { user, language } = usePage();
  const title = language.text('invites.gone.title');
  return (
    <Layout title={title}>
      <article class="card">
        <h1>{title}</h1>
        <p>{language.text('invites.gone.lead')}</p>
        <p class="actions">
          <a class="button" href={user === null ? '/auth/login' : '/'}>
            {language.text(user === null ? 'site.logIn' : 'common.backToAccount')}
          </a>
        </p>
      </article>
    </Layout>
  );
}

export interface InvitationAcceptedPageProps {
  readonly org: { readonly id: string; readonly name: string };
  /** Whether it's the session's active organisation. */
  readonly isActive: boolean;
  /** Path to continue to. */
  readonly next: string;
}

/** `GET /invitation/accepted`: confirms the membership, and offers to switch to the organisation. */
export function InvitationAcceptedPage({ org, isActive, next }: InvitationAcceptedPageProps): VNode {
  const { text } = useLanguage();
  const title = text('invites.accepted.title', { org: org.name });
  return (
    <Layout title={title}>
      <article class="card">
        <h1>{title}</h1>
        <p>{text(isActive ? 'invites.accepted.active' : 'invites.accepted.inactive', { org: org.name })}</p>
        <div class="actions">
          <a class="button" href={next}>
            {text('invites.accepted.continue')}
          </a>
          {!isActive && (
            <form method="post" action={`/orgs/${encodeURIComponent(org.id)}/switch`}>
              <button type="submit" class="secondary">
                {text('orgs.switchNamed', { name: org.name })}
              </button>
            </form>
          )}
        </div>
      </article>
    </Layout>
  );
}
