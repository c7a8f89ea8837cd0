import { createHash } from 'node:crypto';
import { escapeHtml } from '../platform/config/mail-brand.js';
import type { MailAddress, MailSummary, ReceivedMail } from './mailpit.client.js';

/** Text that is already HTML. Any other text is escaped. */
interface Markup {
  readonly markup: string;
}

const style = `
:root { color-scheme: light dark; --ground: #f3f6f5; --card: #ffffff; --text: #24393a; --soft: #526464; --line: #d8e1e0; --link: #0b5f59; }
@media (prefers-color-scheme: dark) {
:root { --ground: #101617; --card: #182122; --text: #d3dddc; --soft: #9fb0af; --line: #2b3839; --link: #7ed0c6; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 56rem; padding: 1rem; background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
a { color: var(--link); }
header, .line { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; }
header { align-items: center; }
header a { padding: 0.6rem 0; }
h1 { font-size: 1.5rem; line-height: 1.3; margin: 0.5rem 0; }
ul { list-style: none; margin: 1rem 0; padding: 0; }
li, dl, pre, iframe { border: 1px solid var(--line); border-radius: 0.5rem; background: var(--card); }
li { position: relative; margin: 0 0 0.5rem; padding: 0.75rem 1rem; }
li p { margin: 0.25rem 0 0; }
li a { font-weight: 600; }
li a::after { content: ''; position: absolute; inset: 0; }
.soft, time, li p, dt { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1rem; margin: 1rem 0; padding: 0.75rem 1rem; }
dd { margin: 0; }
pre { margin: 0; padding: 1rem; white-space: pre-wrap; font: inherit; }
iframe { display: block; width: 100%; height: 70vh; min-height: 30rem; }
`;
const styleHash = createHash('sha256').update(style).digest('base64');

/** Content-Security-Policy of our own pages: no scripts, no other origins. */
export const pagePolicy = `default-src 'none'; style-src 'sha256-${styleHash}'; img-src data:; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;
const sandbox = 'allow-popups allow-popups-to-escape-sandbox';
/**
 * Content-Security-Policy of a mail's HTML, which also applies if it's opened outside the frame: it runs no scripts and loads
 * nothing, and its links open new windows.
 */
export const mailPolicy = `sandbox ${sandbox}; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; base-uri 'none'; form-action 'none'`;

/** Page with the list of all mails, in the given order. */
export function listPage(mails: readonly MailSummary[]): string {
  const items = mails.map(
    (mail) => markup`<li>
<div class="line"><a href="/mails/${mail.ID}">${titleOf(mail)}</a>${timeOf(mail.Created)}</div>
<div>${namesOf(mail.To)}</div>
<p>${mail.Snippet}</p>
</li>
`,
  );
  return page(
    'Mailbox',
    markup`<header><h1>Mailbox</h1><a href="/">Look for new mail</a></header>
<p class="soft">Every mail that this copy of Vestibule sends ends up here, newest first, and goes no further.</p>
${items.length === 0 ? markup`<p>There is no mail yet.</p>` : markup`<ul>\n${items}</ul>`}`,
  );
}

/** Page with one mail. */
export function mailPage(mail: ReceivedMail): string {
  const title = titleOf(mail);
  const body =
    mail.HTML === ''
      ? markup`<pre>${withLinks(mail.Text)}</pre>`
      : markup`<iframe title="The mail" src="/mails/${mail.ID}/content" sandbox="${sandbox}"></iframe>`;
  return page(
    title,
    markup`<header><a href="/">All mails</a></header>
<h1>${title}</h1>
<dl>
<dt>From</dt><dd>${namesOf(mail.From === null ? [] : [mail.From])}</dd>
<dt>To</dt><dd>${namesOf(mail.To)}</dd>
<dt>Sent</dt><dd>${timeOf(mail.Date)}</dd>
</dl>
${body}`,
  );
}

/** Page with a message, shown instead of a mail. */
export function noticePage(title: string, text: string): string {
  return page(title, markup`<header><a href="/">All mails</a></header>\n<h1>${title}</h1>\n<p>${text}</p>`);
}

/** The document with a mail's HTML. Our `<base>` comes first, so that a target in the mail's has no effect. */
export function mailDocument({ HTML }: ReceivedMail): string {
  return `<!doctype html><base target="_blank">${HTML}`;
}

function page(title: string, body: Markup): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${{ markup: style }}</style>
</head>
<body>
${body}
</body>
</html>
`.markup;
}

function titleOf({ Subject }: { readonly Subject: string }): string {
  return Subject.trim() === '' ? '(no subject)' : Subject;
}

function namesOf(addresses: readonly MailAddress[] | null): string {
  const names = (addresses ?? []).map(({ Name, Address }) =>
    Name === '' ? Address : `${Name} <${Address}>`,
  );
  return names.length === 0 ? '(not given)' : names.join(', ');
}

/** A date and time in UTC, the same in every time zone. */
function timeOf(timestamp: string): Markup {
  const date = new Date(timestamp);
  if (Number.isNaN(date.valueOf())) {
    return markup`<span>(no date)</span>`;
  }
  const iso = date.toISOString();
  return markup`<time datetime="${iso}">${iso.slice(0, 19).replace('T', ' ')} UTC</time>`;
}

function withLinks(text: string): readonly Markup[] {
  // With the capturing group, every second part is a URL. Punctuation at the end isn't part of it.
  const parts = text.split(/(https?:\/\/[^\s<>"]*[^\s<>".,;:!?)\]'])/);
  return parts.map((part, index) =>
    index % 2 === 0
      ? markup`${part}`
      : markup`<a href="${part}" target="_blank" rel="noreferrer">${part}</a>`,
  );
}

function markup(
  texts: TemplateStringsArray,
  ...values: readonly (string | Markup | readonly Markup[])[]
): Markup {
  return { markup: String.raw({ raw: texts }, ...values.map(asMarkup)) };
}

function asMarkup(value: string | Markup | readonly Markup[]): string {
  if (typeof value === 'string') {
    return escapeHtml(value);
  }
  return 'markup' in value ? value.markup : value.map((each) => each.markup).join('');
}
