import { Logger } from '@nestjs/common';
import { codeOf } from '../config/error-code.js';
import { type Mail, Mailer } from './mailer.port.js';

/** Milliseconds for one mail, from connecting to the server's last reply. */
const limit = 5000;
/** One address and nothing else: no name, no list, no header. */
const addressForm = /^[^\s@<>"(),:;]+@[^\s@<>"(),:;]+$/;
/** Characters that would begin another header. They are replaced by a space, whatever the library does with them. */
const lineBreaks = /[\r\n\u0085\u2028\u2029]+/g;

/** Sends mail through an SMTP server, over a connection of its own for each mail. */
export class SmtpMailer extends Mailer {
  override readonly isConfigured = true;
  readonly #logger = new Logger(SmtpMailer.name);
  readonly #options: ReturnType<typeof transportOptions>;
  readonly #from: { readonly name: string; readonly address: string };

  /** @param url in the form of `SMTP_URL`. @param from address of the sender. @param name of the sender. */
  constructor(url: string, from: string, name = '') {
    super();
    this.#options = transportOptions(new URL(url));
    this.#from = { name: name.replaceAll(lineBreaks, ' '), address: from };
  }

  override async send({ to, subject, text, html }: Mail): Promise<boolean> {
    if (!addressForm.test(to)) {
      this.#logger.warn('a mail could not be sent', { reason: 'mail_address_malformed' });
      return false;
    }
    const { createTransport } = await import('nodemailer');
    const transport = createTransport(this.#options);
    try {
      await within(
        limit,
        transport.sendMail({
          from: this.#from,
          to: { name: '', address: to },
          subject: subject.replaceAll(lineBreaks, ' '),
          text,
          html,
          headers: { 'Auto-Submitted': 'auto-generated' },
          // A mail has only the content above: no value may name a file or a URL to include.
          disableFileAccess: true,
          disableUrlAccess: true,
        }),
      );
      return true;
    } catch (error) {
      // Only the code is logged, because servers' messages contain the address.
      this.#logger.warn('a mail could not be sent', { reason: 'mail_not_sent', code: String(codeOf(error)) });
      return false;
    } finally {
      transport.close();
    }
  }
}

/** nodemailer's options for an SMTP URL. The URL's parameters mean the same as for Kratos, which gets the same URL. */
export function transportOptions(url: URL) {
  const secure = url.protocol === 'smtps:';
  const plain = url.searchParams.get('disable_starttls') === 'true';
  return {
    host: url.hostname.replaceAll(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 465 : 25) : Number(url.port),
    secure,
    ignoreTLS: !secure && plain,
    requireTLS: !secure && !plain,
    ...(url.searchParams.get('skip_ssl_verify') === 'true' ? { tls: { rejectUnauthorized: false } } : {}),
    ...(url.username === ''
      ? {}
      : { auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) } }),
    connectionTimeout: limit,
    greetingTimeout: limit,
    socketTimeout: limit,
    dnsTimeout: limit,
  };
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(Object.assign(new Error('the mail server is too slow'), { code: 'TOO_SLOW' })),
      milliseconds,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
