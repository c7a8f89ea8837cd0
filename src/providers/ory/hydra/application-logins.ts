import { Injectable } from '@nestjs/common';
import type { ConsentRequest } from './hydra.schemas.js';

/** A login of an application by a user who has agreed, or had before. */
export type ApplicationLogin = Pick<ConsentRequest, 'client' | 'login_session_id' | 'subject'>;

/** What a feature does at logins of applications: a login neither waits for it nor fails by it. */
export interface ApplicationLoginListener {
  loggedIn(login: ApplicationLogin): void;
  /** Forgets a user's logins. @param clientId of this application only. */
  forget(subject: string, clientId?: string): Promise<void>;
}

/** Tells features of logins of applications. */
@Injectable()
export class ApplicationLogins {
  readonly #listeners: ApplicationLoginListener[] = [];

  listen(listener: ApplicationLoginListener): void {
    this.#listeners.push(listener);
  }

  loggedIn(login: ApplicationLogin): void {
    this.#listeners.forEach((listener) => listener.loggedIn(login));
  }

  async forget(subject: string, clientId?: string): Promise<void> {
    for (const listener of this.#listeners) {
      await listener.forget(subject, clientId);
    }
  }
}
