import { Logger } from '@nestjs/common';
import { createTransport } from 'nodemailer';
import { type Mail, Mailer } from './mailer.port.js';

/** Milliseconds for one mail, from the connection to the server's last word. */
const limit = 5000;
/** One address and nothing else: no name, no list, no header. */
const addressForm = /^[^\s@<>"(),:;]+@[^\s@<>"(),:;]+$/;
/** What would begin another header. Sent as a blank, whatever the library makes of it. */
const lineBreaks = /[\r\n\u0085\u2028\u2029]+/g;

/** Sends mail through an SMTP server, over a connection of its own for each mail. */
export class SmtpMailer extends Mailer {
  override readonly isConfigured = true;
  readonly #logger = new Logger(SmtpMailer.name);
  readonly #options: ReturnType<typeof transportOptions>;
  readonly #from: { readonly name: string; readonly address: string };

  /** @param url as `SMTP_URL` has it. @param from address of the sender. @param name of the sender. */
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
          // A mail is what is said above and nothing that a value names.
          disableFileAccess: true,
          disableUrlAccess: true,
        }),
      );
      return true;
    } catch (error) {
      // The code alone: what servers say has the address in it.
      const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
      this.#logger.warn('a mail could not be sent', { reason: 'mail_not_sent', code: String(code) });
      return false;
    } finally {
      transport.close();
    }
  }
}

/** The URL's parameters mean what they mean to Kratos, which takes the same URL. */
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
