import type { PageLanguage } from '../i18n/page.language.js';
import { type MailBrand, escapeHtml, inBrandColor, mailStyle } from '../config/mail.brand.js';
import type { Mail } from './mailer.port.js';

/** Maximum characters of a name. */
const maximumName = 200;

/** The content of an invite's mail. */
export interface InviteMail {
  readonly to: string;
  readonly orgName: string;
  /** Name of the inviter; null if unknown. */
  readonly inviterName: string | null;
  readonly link: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly language: PageLanguage;
  readonly brand: MailBrand;
}

/** Builds an invite's mail. Names are written by users, so they must never become markup, headers or links. */
export function inviteMail(invite: InviteMail): Mail {
  const { to, orgName, inviterName, link, expiresAt, language, brand } = invite;
  const { tag, text, moment } = language;
  const org = oneLine(orgName);
  const subject = text('mail.invite.subject', { org });
  const accept = text('mail.invite.accept');
  const lines = [
    inviterName === null
      ? text('mail.invite.from-nobody', { org })
      : text('mail.invite.from', { org, inviter: oneLine(inviterName) }),
    text('mail.invite.link', { until: moment(new Date(expiresAt)) }),
    text('mail.invite.unexpected'),
  ] as const;
  return {
    to,
    subject,
    text: [lines[0], '', lines[1], '', link, '', lines[2], '', '-- ', brand.name, ''].join('\n'),
    html: [
      '<!doctype html>',
      `<html lang="${tag}">`,
      '<head>',
      '<meta charset="utf-8">',
      '<meta name="viewport" content="width=device-width, initial-scale=1">',
      '<meta name="color-scheme" content="light dark">',
      `<title>${escapeHtml(subject)}</title>`,
      inBrandColor(mailStyle, brand.color),
      '</head>',
      '<body>',
      '<main>',
      `<div class="brand">${escapeHtml(brand.name)}</div>`,
      `<h1>${escapeHtml(subject)}</h1>`,
      `<p>${escapeHtml(lines[0])}</p>`,
      `<p>${escapeHtml(lines[1])}</p>`,
      `<p><a class="button" href="${escapeHtml(link)}">${escapeHtml(accept)}</a></p>`,
      `<p class="small">${escapeHtml(lines[2])}</p>`,
      '</main>',
      '</body>',
      '</html>',
      '',
    ].join('\n'),
  };
}

/** A name on one line, which mail programs don't turn into a link: it must carry none to other people's mailboxes. */
function oneLine(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return [...line]
    .slice(0, maximumName)
    .join('')
    .replaceAll('://', ':\u200B//')
    .replaceAll(/(?<=\w)\.(?=\w)/g, '.\u200B');
}
