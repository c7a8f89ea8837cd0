import type { VNode } from 'preact';
import { useLanguage } from './page-props.js';

/**
 * The notices that a page's URL can name, and how each is shown. They're a fixed list, so that nobody can choose what a page
 * says by making a link.
 */
const tones = {
  session_ended: 'success',
  others_ended: 'success',
  session_gone: 'info',
  key_revoked: 'success',
  key_gone: 'info',
  app_revoked: 'success',
  app_gone: 'info',
  invite_accepted: 'success',
  invite_declined: 'success',
  invite_over: 'info',
  invite_mailed: 'success',
  invite_revoked: 'success',
  org_created: 'success',
  org_switched: 'success',
  org_saved: 'success',
  org_domain_confirmed: 'success',
  org_domain_unconfirmed: 'error',
  org_joined: 'success',
  org_asked: 'success',
  org_not_joined: 'error',
  org_left: 'success',
  org_deleted: 'success',
  org_gone: 'info',
  member_saved: 'success',
  member_removed: 'success',
  member_gone: 'info',
  request_approved: 'success',
  request_rejected: 'success',
  request_gone: 'info',
  account_deleted: 'success',
  role_changed: 'success',
  user_disabled: 'success',
  user_enabled: 'success',
  second_factors_reset: 'success',
  user_deleted: 'success',
  user_gone: 'info',
  sessions_ended: 'success',
  keys_rotated: 'success',
  keys_rotated_before: 'info',
  application_created: 'success',
  application_saved: 'success',
  application_removed: 'success',
  application_gone: 'info',
  connection_saved: 'success',
  connection_removed: 'success',
  connection_gone: 'info',
} as const;

export type PageNotice = keyof typeof tones;

/** Parses the value of `?notice=`; undefined if there is no such notice. */
export function noticeIn(given: unknown): PageNotice | undefined {
  return pageNotices.find((notice) => notice === given);
}

const isNotice = (code: string): code is PageNotice => Object.hasOwn(tones, code);

/** Every notice. */
export const pageNotices: readonly PageNotice[] = Object.keys(tones).filter(isNotice);

/** A notice of what has just been done. Screen readers announce it on their own. */
export function Notice({
  notice,
  about,
}: {
  readonly notice: PageNotice;
  /** The name of what it is about, for the notices that name it. */
  readonly about?: string | undefined;
}): VNode {
  const { text } = useLanguage();
  const isNamed = notice === 'app_revoked' && about !== undefined;
  return (
    <p class={`notice ${tones[notice]}`} role="status">
      {isNamed ? text('notice.app_revoked.named', { name: about }) : text(`notice.${notice}`)}
    </p>
  );
}
