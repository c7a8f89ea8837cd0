import { type MailBrand, escapeHtml, inBrandColor, mailStyle } from '../config/mail-brand.js';
import type { PageLanguage } from '../i18n/page-language.js';
import type { Mail } from './mailer.port.js';

/** The content of a mail in the brand's name: paragraphs around one link. */
export interface BrandedMail {
  readonly to: string;
  readonly subject: string;
  /** Paragraphs before the link. */
  readonly lead: readonly string[];
  readonly link: { readonly url: string; readonly label: string };
  /** The paragraph after the link. */
  readonly close: string;
  readonly language: PageLanguage;
  readonly brand: MailBrand;
}

/** Builds a mail as text and as HTML, with the same content. */
export function brandedMail({ to, subject, lead, link, close, language, brand }: BrandedMail): Mail {
  const paragraphs = lead.map((line) => `<p>${escapeHtml(line)}</p>`);
  return {
    to,
    subject,
    text: [...lead.flatMap((line) => [line, '']), link.url, '', close, '', '-- ', brand.name, ''].join('\n'),
    html: [
      '<!doctype html>',
      `<html lang="${language.tag}">`,
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
      ...paragraphs,
      `<p><a class="button" href="${escapeHtml(link.url)}">${escapeHtml(link.label)}</a></p>`,
      `<p class="small">${escapeHtml(close)}</p>`,
      '</main>',
      '</body>',
      '</html>',
      '',
    ].join('\n'),
  };
}
