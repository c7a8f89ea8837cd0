import type { VNode } from 'preact';
import { useLanguage } from './page.props.js';

/** What pages show of an invite. */
export interface ShownInvite {
  readonly orgName: string;
  /** Null when the inviter has no name. */
  readonly inviterName: string | null;
  /** The address that it was mailed to, if only a person who reads its mail can have the link. */
  readonly mailedTo?: string | null;
}

/** Shows the invite that a login or sign-up is for. */
export function InviteBanner({ invite }: { readonly invite: ShownInvite | undefined }): VNode | null {
  const language = useLanguage();
  return invite === undefined ? null : (
    <p class="notice info" data-invite>
      {inviteSentence(invite, language)}
    </p>
  );
}

/** A sentence with the inviter and the organisation. */
export function inviteSentence(
  { orgName: org, inviterName: inviter }: ShownInvite,
  { text }: ReturnType<typeof useLanguage>,
): string {
  return inviter === null
    ? text('invites.banner.withoutInviter', { org })
    : text('invites.banner', { org, inviter });
}
