import type { VNode } from 'preact';
import type { InviteAnswer } from '../../invites/invite.schemas.js';
import { CopyField } from '../../../pages/views/copy-field.view.js';
import { FormField, FormProblem, FormSelect } from '../../../pages/views/form-field.view.js';
import type { FormState } from '../../../pages/views/form-state.js';
import { Layout } from '../../../pages/views/layout.view.js';
import { useLanguage, usePage } from '../../../pages/views/page-props.js';
import { Time } from '../../../pages/views/time.view.js';
import {
  NextPage,
  type OpenOrg,
  OrgLayout,
  type OrgPageProps,
  orgHref,
} from '../../../pages/views/orgs/org-layout.view.js';

const roles = ['member', 'admin', 'owner'] as const;

export interface OrgInvitesPageProps extends OrgPageProps {
  /** One page, newest first. */
  readonly invites: { readonly items: readonly InviteAnswer[]; readonly nextCursor: string | null };
  /** Whether it isn't the first page. */
  readonly isLater: boolean;
  /** The refused form for a new invitation, with its errors. */
  readonly form?: FormState | undefined;
}

/** `GET /orgs/:id/invites`: existing invitations, and a form for a new one. */
export function OrgInvitesPage({ invites, isLater, form, ...page }: OrgInvitesPageProps): VNode {
  const { signUp, user, language } = usePage();
  const { text } = language;
  const { org, can } = page;
  return (
    <OrgLayout {...page} section="invites" isWrong={form !== undefined}>
      <article class="card" aria-labelledby="invite-title">
        <h2 id="invite-title">{text('invites.new.title')}</h2>
        <form method="post" action={orgHref(org, '/invites')}>
          {signUp === 'closed' && user?.isAdmin !== true && (
            <p class="notice info">{text('invites.closed')}</p>
          )}
          <FormProblem form={form} />
          <FormField
            id="invite-email"
            name="email"
            type="email"
            label={text('invites.email')}
            maxLength={254}
            isOptional
            form={form}
            hint={text('invites.emailHint')}
          />
          <FormSelect
            id="invite-role"
            name="role"
            label={text('orgs.role')}
            initial="member"
            form={form}
            options={roles
              .filter((newRole) => can('invite.create', { newRole }))
              .map((value) => ({ value, label: text(`orgs.role.${value}`) }))}
          />
          <button type="submit">{text('invites.create')}</button>
        </form>
      </article>
      {(invites.items.length > 0 || isLater) && (
        <article class="card sessions" aria-labelledby="invites-title">
          <h2 id="invites-title">{text('orgs.section.invites')}</h2>
          <ul>
            {invites.items.map((invite, index) => (
              <InviteEntry
                key={invite.id}
                org={org}
                can={can}
                invite={invite}
                detailsId={`invite-${index + 1}`}
              />
            ))}
          </ul>
          <NextPage href={orgHref(org, '/invites')} isLater={isLater} nextCursor={invites.nextCursor} />
        </article>
      )}
    </OrgLayout>
  );
}

interface InviteEntryProps extends OpenOrg {
  readonly invite: InviteAnswer;
  /** Id of the details, which distinguish the buttons of invitations without an address. */
  readonly detailsId: string;
}

function InviteEntry({ org, can, invite, detailsId }: InviteEntryProps): VNode {
  const { text, rich } = useLanguage();
  const { id, email, role, state, createdAt, expiresAt } = invite;
  const name = email ?? text('invites.link');
  const isRevocable = (state === 'open' || state === 'expired') && can('invite.revoke', { role });
  return (
    <li>
      <div>
        <p class="key-name">
          <strong>{name}</strong>{' '}
          <span class={state === 'open' ? 'badge success' : 'badge'}>{text(`invites.state.${state}`)}</span>
        </p>
        <p class="details" id={detailsId}>
          {text('invites.as', { role: text(`orgs.role.${role}`) })}
          <br />
          {rich('invites.made', { time: () => <Time iso={createdAt} /> })}
          <br />
          {rich('invites.ends', { time: () => <Time iso={expiresAt} /> })}
        </p>
      </div>
      {isRevocable && (
        <form method="post" action={orgHref(org, `/invites/${encodeURIComponent(id)}/revoke`)}>
          <button
            type="submit"
            class="secondary danger"
            aria-label={text('invites.revokeNamed', { name })}
            aria-describedby={detailsId}
          >
            {text('keys.revoke')}
          </button>
        </form>
      )}
    </li>
  );
}

export interface CreatedInvitePageProps {
  readonly org: OpenOrg['org'];
  /** Null if anyone who has the link can accept. */
  readonly email: string | null;
  /** Whether somebody without an account can get one by it. */
  readonly opensSignUp: boolean;
  readonly url: string;
}

/** Shows the link of a new invitation. It can't be shown again. */
export function CreatedInvitePage({ org, email, opensSignUp, url }: CreatedInvitePageProps): VNode {
  const { text } = useLanguage();
  return (
    <Layout title={text('invites.created.title')}>
      <article class="card">
        <h1>{text('invites.created.title')}</h1>
        <p class="lead">{org.name}</p>
        <p class="notice info" role="status">
          {email === null ? text('invites.created.forAnybody') : text('invites.created.forOne', { email })}
        </p>
        {!opensSignUp && <p>{text('invites.closed')}</p>}
        <CopyField id="invite-url" label={text('invites.created.label')} value={url} />
        <div class="actions">
          <a class="button" href={orgHref(org, '/invites')}>
            {text('orgs.back')}
          </a>
        </div>
      </article>
    </Layout>
  );
}
