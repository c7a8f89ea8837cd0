import type { VNode } from 'preact';
import { type useLanguage, usePage } from './page-props.js';

/** What pages show of an invite. */
export interface ShownInvite {
  /** Null for an invite to an account alone. */
  readonly orgName: string | null;
  /** Null when the inviter has no name. */
  readonly inviterName: string | null;
  /** The address that it was mailed to, if only a person who reads its mail can have the link. */
  readonly mailedTo?: string | null;
  /** Whether somebody without an account can get one by it. */
  readonly opensSignUp?: boolean;
}

/** Shows the invite that a login or sign-up is for. */
export function InviteBanner({ invite }: { readonly invite: ShownInvite | undefined }): VNode | null {
  const { brand, language } = usePage();
  return invite === undefined ? null : (
    <p class="notice info" data-invite>
      {inviteSentence(invite, language, brand.name)}
    </p>
  );
}

/** A sentence with the inviter and the organisation, or the brand. */
export function inviteSentence(
  { orgName, inviterName: inviter }: ShownInvite,
  { text }: ReturnType<typeof useLanguage>,
  brand: string,
): string {
  const kind = orgName === null ? 'invites.bannerAccount' : 'invites.banner';
  const org = orgName ?? brand;
  return inviter === null ? text(`${kind}.withoutInviter`, { org }) : text(kind, { org, inviter });
}
