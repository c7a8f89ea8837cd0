import type { VNode } from 'preact';
import { useLanguage } from './page.props.js';

/** What pages show of an invite. */
export interface ShownInvite {
  readonly orgName: string;
  /** Null when the inviter has no name. */
  readonly inviterName: string | null;
  /** The address that it was mailed to, where only who reads that has the link. */
  readonly mailedTo?: string | null;
}

/** Names the invite that a login or sign-up is for. */
export function InviteBanner({ invite }: { readonly invite: ShownInvite | undefined }): VNode | null {
  const language = useLanguage();
  return invite === undefined ? null : (
    <p class="notice info" data-invite>
      {inviteSentence(invite, language)}
    </p>
  );
}

/** Who invites to what, in one sentence. */
export function inviteSentence(
  { orgName: org, inviterName: inviter }: ShownInvite,
  { text }: ReturnType<typeof useLanguage>,
): string {
  return inviter === null
    ? text('invites.banner.withoutInviter', { org })
    : text('invites.banner', { org, inviter });
}
