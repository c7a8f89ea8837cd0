/** One mail to one address. */
export interface Mail {
  /** An e-mail address, without a name. */
  readonly to: string;
  readonly subject: string;
  /** Plain text, and the same as a document. */
  readonly text: string;
  readonly html: string;
}

/** Port: sends mail. */
export abstract class Mailer {
  /** Whether there is a mail server. */
  abstract readonly isConfigured: boolean;

  /**
   * Hands a mail to the mail server. Takes 5 seconds at most and never throws.
   * @returns whether the server has taken it; false where there is none.
   */
  abstract send(mail: Mail): Promise<boolean>;
}

/** For deployments without a mail server. */
export class NoMailer extends Mailer {
  override readonly isConfigured = false;

  override async send(): Promise<boolean> {
    return false;
  }
}
