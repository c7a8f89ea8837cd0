/** One mail to one address. */
export interface Mail {
  /** An e-mail address, without a name. */
  readonly to: string;
  readonly subject: string;
  /** The content as plain text, and the same as an HTML document. */
  readonly text: string;
  readonly html: string;
}

/** Port: sends mail. */
export abstract class Mailer {
  /** Whether a mail server is configured. */
  abstract readonly isConfigured: boolean;

  /** Hands a mail to the mail server, in 5 seconds at most; never throws. @returns whether the server accepted it. */
  abstract send(mail: Mail): Promise<boolean>;
}

/** The mailer of deployments without a mail server: it sends nothing. */
export class NoMailer extends Mailer {
  override readonly isConfigured = false;

  override async send(): Promise<boolean> {
    return false;
  }
}
