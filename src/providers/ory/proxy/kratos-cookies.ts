import { Logger } from '@nestjs/common';
import { sessionCookie } from '../kratos/kratos-session.js';

/** The cookies that Kratos sets: its session by the name that the gates know, and two of its own, whose names can't be changed. */
const known = new RegExp(`^(?:${sessionCookie}|ory_kratos_continuity|csrf_token_\\w+)$`);

/**
 * Withholds cookies of Kratos' answers that nobody here knows. One of them may be its session, where Kratos is set to another name for it
 * (`session.cookie.name`): limits of guesses and other gates would take each login for a failed one, and let it pass unjudged.
 */
export class KratosCookies {
  readonly #logger = new Logger(KratosCookies.name);
  readonly #reported = new Set<string>();

  /** @param lines values of `Set-Cookie`. @returns those that may go to the browser. */
  passing(lines: readonly string[]): string[] {
    return lines.filter((line) => {
      const name = line.split('=', 1)[0]?.trim() ?? '';
      const isKnown = known.test(name);
      if (!isKnown && !this.#reported.has(name)) {
        this.#reported.add(name);
        this.#logger.error('a cookie from Kratos is withheld, perhaps its session by another name', {
          reason: 'kratos_cookie_unknown',
          cookieName: name,
        });
      }
      return isKnown;
    });
  }
}
