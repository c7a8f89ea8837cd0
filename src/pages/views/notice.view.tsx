import type { VNode } from 'preact';
import { useLanguage } from './page.props.js';

/**
 * What can just have been done, as it's in the address of a page, and how it's shown: whoever makes a link can't choose
 * what the page says.
 */
const tones = {
  session_ended: 'success',
  others_ended: 'success',
  session_gone: 'info',
  key_revoked: 'success',
  key_gone: 'info',
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
  user_deleted: 'success',
  user_gone: 'info',
  sessions_ended: 'success',
  keys_rotated: 'success',
  keys_rotated_before: 'info',
} as const;

export type PageNotice = keyof typeof tones;

/** What follows `?notice=` → a notice that there is; undefined for everything else. */
export function noticeIn(given: unknown): PageNotice | undefined {
  return pageNotices.find((notice) => notice === given);
}

const isNotice = (code: string): code is PageNotice => Object.hasOwn(tones, code);

/** Every notice. */
export const pageNotices: readonly PageNotice[] = Object.keys(tones).filter(isNotice);

/** What has just been done. Screen readers say it without being asked. */
export function Notice({ notice }: { readonly notice: PageNotice }): VNode {
  const { text } = useLanguage();
  return (
    <p class={`notice ${tones[notice]}`} role="status">
      {text(`notice.${notice}`)}
    </p>
  );
}
