import type { PageLanguage } from '../languages/page.language.js';
import type { Mail } from './mailer.port.js';

/** Characters of a name. */
const maximumName = 200;

/** The look of docker/kratos/templates; a test holds them alike. */
const style = [
  '<style>',
  ':root { color-scheme: light dark; }',
  'body { margin: 0; padding: 24px 16px; font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }',
  'main { display: block; max-width: 32em; margin: 0 auto; }',
  '.code { font: bold 30px/1.3 ui-monospace, Menlo, Consolas, monospace; letter-spacing: 0.15em; }',
  '</style>',
];

/** What an invite's mail tells. */
export interface InviteMail {
  readonly to: string;
  readonly orgName: string;
  /** Who invites, as far as it's known. */
  readonly inviterName: string | null;
  readonly link: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly language: PageLanguage;
}

/** An invite as a mail. Names are others' words: they never make markup, headers or links. */
export function inviteMail({ to, orgName, inviterName, link, expiresAt, language }: InviteMail): Mail {
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
    text: [lines[0], '', lines[1], '', link, '', lines[2], ''].join('\n'),
    html: [
      '<!doctype html>',
      `<html lang="${tag}">`,
      '<head>',
      '<meta charset="utf-8">',
      '<meta name="viewport" content="width=device-width, initial-scale=1">',
      '<meta name="color-scheme" content="light dark">',
      `<title>${escapeHtml(subject)}</title>`,
      ...style,
      '</head>',
      '<body>',
      '<main>',
      `<h1>${escapeHtml(subject)}</h1>`,
      `<p>${escapeHtml(lines[0])}</p>`,
      `<p>${escapeHtml(lines[1])}</p>`,
      `<p><a href="${escapeHtml(link)}">${escapeHtml(accept)}</a></p>`,
      `<p>${escapeHtml(lines[2])}</p>`,
      '</main>',
      '</body>',
      '</html>',
      '',
    ].join('\n'),
  };
}

/** Also without what mail programs would make a link of: a name is nobody's way into a stranger's mailbox. */
function oneLine(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return [...line]
    .slice(0, maximumName)
    .join('')
    .replaceAll('://', ':\u200B//')
    .replaceAll(/(?<=\w)\.(?=\w)/g, '.\u200B');
}

function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}
