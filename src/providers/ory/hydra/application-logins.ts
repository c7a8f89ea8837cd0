import { Injectable } from '@nestjs/common';
import type { ConsentRequest } from './hydra.schemas.js';

/** A login of an application by a user who has agreed, or had before. */
export type ApplicationLogin = Pick<ConsentRequest, 'client' | 'login_session_id' | 'subject'>;

/** Tells features of logins of applications. What they do then is their own: a login neither waits for it nor fails by it. */
@Injectable()
export class ApplicationLogins {
  readonly #listeners: ((login: ApplicationLogin) => void)[] = [];

  listen(listener: (login: ApplicationLogin) => void): void {
    this.#listeners.push(listener);
  }

  tell(login: ApplicationLogin): void {
    this.#listeners.forEach((listener) => listener(login));
  }
}
