import type { MailBrand } from '../config/mail-brand.js';
import type { PageLanguage } from '../i18n/page-language.js';
import { brandedMail } from './branded-mail.js';
import type { Mail } from './mailer.port.js';

/** The changes that users are told of, each with the page that its mail leads to. */
const pages = {
  password_changed: '/ui/recovery',
  second_factor_added: '/ui/recovery',
  second_factor_removed: '/ui/recovery',
  second_factor_reset: '/ui/settings',
  passkey_added: '/ui/recovery',
  passkey_removed: '/ui/recovery',
  address_changed: '/ui/settings',
  login_linked: '/',
} as const;

/** The label of the link to each page. */
const labels = {
  '/ui/recovery': 'mail.security.newPassword',
  '/ui/settings': 'mail.security.settings',
  // With any login provider: a login is linked under each.
  '/': 'mail.security.account',
} as const;

/** A change of how a user logs in. */
export type SecurityChange = keyof typeof pages;

/** The content of a security mail. */
export interface SecurityMail {
  readonly to: string;
  readonly change: SecurityChange;
  /** Whether the account has another address by now, so that its mails and a new password aren't to be had with this one. */
  readonly isFormer: boolean;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly language: PageLanguage;
  readonly brand: MailBrand;
  readonly publicUrl: string;
}

/** Builds the mail that tells a user what was changed. It holds nothing that anyone has typed, and no address. */
export function securityMail({ to, change, isFormer, at, language, brand, publicUrl }: SecurityMail): Mail {
  const { text, moment } = language;
  const page = isFormer ? '/' : pages[change];
  return brandedMail({
    to,
    subject: text(`mail.security.${change}`),
    lead: [
      text('mail.security.when', { brand: brand.name, time: moment(new Date(at)) }),
      text(isFormer ? 'mail.security.former' : `mail.security.${change}.lead`),
    ],
    link: {
      url: `${publicUrl}${page}`,
      label: text(labels[page]),
    },
    close: text('mail.security.close'),
    language,
    brand,
  });
}
