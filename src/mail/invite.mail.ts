import type { Mail } from './mailer.port.js';

/** Characters of a name. */
const maximumName = 200;

/** What an invite's mail tells. */
export interface InviteMail {
  readonly to: string;
  readonly orgName: string;
  /** Who invites, as far as it's known. */
  readonly inviterName: string | null;
  readonly link: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** An invite as a mail. Names are others' words: they never make markup, headers or links. */
export function inviteMail({ to, orgName, inviterName, link, expiresAt }: InviteMail): Mail {
  const org = oneLine(orgName);
  const inviter = inviterName === null ? 'Somebody' : oneLine(inviterName);
  const until = `${new Date(expiresAt).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const subject = `You are invited to join ${org}`;
  const lines = [
    `${inviter} invites you to join ${org}.`,
    `Open this link to accept. It works once, until ${until}:`,
    'If you do not expect this, you need do nothing.',
  ] as const;
  return {
    to,
    subject,
    text: [lines[0], '', lines[1], '', link, '', lines[2], ''].join('\n'),
    html: [
      '<!doctype html>',
      '<html lang="en"><head><meta charset="utf-8">',
      `<title>${escapeHtml(subject)}</title></head>`,
      '<body style="font-family: sans-serif; line-height: 1.5">',
      `<p>${escapeHtml(lines[0])}</p>`,
      `<p>${escapeHtml(lines[1])}</p>`,
      `<p><a href="${escapeHtml(link)}">Accept the invitation</a></p>`,
      `<p>${escapeHtml(lines[2])}</p>`,
      '</body></html>',
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
