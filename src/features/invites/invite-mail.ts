import type { PageLanguage } from '../../platform/i18n/page-language.js';
import type { MailBrand } from '../../platform/config/mail-brand.js';
import { brandedMail } from '../../platform/mail/branded-mail.js';
import type { Mail } from '../../platform/mail/mailer.port.js';

/** Maximum characters of a name. */
const maximumName = 200;

/** The content of an invite's mail. */
export interface InviteMail {
  readonly to: string;
  /** Null for an invite to an account alone. */
  readonly orgName: string | null;
  /** Name of the inviter; null if unknown. */
  readonly inviterName: string | null;
  /** Whether somebody without an account can get one by it. The mail promises nothing else. */
  readonly opensSignUp: boolean;
  readonly link: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly language: PageLanguage;
  readonly brand: MailBrand;
}

/** Builds an invite's mail. Names are written by users, so they must never become markup, headers or links. */
export function inviteMail(invite: InviteMail): Mail {
  const { to, orgName, inviterName, opensSignUp, link, expiresAt, language, brand } = invite;
  const { text, moment } = language;
  const kind = orgName === null ? 'mail.invite.account' : 'mail.invite';
  const org = oneLine(orgName ?? brand.name);
  const from =
    inviterName === null
      ? text(`${kind}.from-nobody`, { org })
      : text(`${kind}.from`, { org, inviter: oneLine(inviterName) });
  return brandedMail({
    to,
    subject: text(`${kind}.subject`, { org }),
    lead: [
      from,
      ...(opensSignUp ? [] : [text('mail.invite.needsAccount')]),
      text('mail.invite.link', { until: moment(new Date(expiresAt)) }),
    ],
    link: { url: link, label: text('mail.invite.accept') },
    close: text('mail.invite.unexpected'),
    language,
    brand,
  });
}

/** A name on one line, which mail programs don't turn into a link: it must carry none to other people's mailboxes. */
function oneLine(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return [...line]
    .slice(0, maximumName)
    .join('')
    .replaceAll('://', ':\u200B//')
    .replaceAll(/(?<=[\p{L}\p{M}\p{N}_])[.。．｡](?=[\p{L}\p{M}\p{N}_])/gu, '$&\u200B');
}
