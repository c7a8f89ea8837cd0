import { SecretBox } from '../core/secret.box.js';
import { readSingleCookie } from '../http/cookie.reader.js';

/** Challenges that one browser may have open at once. */
const openAtOnce = 6;
const challengeParameter = /^(?:login|consent|logout)_challenge$/;

/**
 * Ties Hydra's challenges to the browser that Hydra gave them to.
 *
 * Hydra trusts whoever presents a challenge to its login provider. Without a tie, an attacker who got hold of
 * somebody's challenge could have it accepted with the attacker's own account. So the proxy, when it passes one of
 * Hydra's redirects on, sets a cookie with a MAC of the challenge, and the challenge is only taken with that cookie.
 */
export class ChallengeBinding {
  readonly #box: SecretBox;
  readonly #cookieName: string;

  /** @param cookieName full name, with its prefix. */
  constructor(secrets: readonly Uint8Array[], cookieName: string) {
    this.#box = new SecretBox(secrets, 'hydra-challenge');
    this.#cookieName = cookieName;
  }

  /**
   * The cookie's name and next value, when a redirect of Hydra's carries a challenge.
   * @param location the redirect's target.
   * @param cookieHeader of the request, whose open challenges stay bound.
   */
  bind(location: string, cookieHeader: string | undefined): { name: string; value: string } | undefined {
    const challenge = challengeOf(location);
    if (challenge === undefined) {
      return undefined;
    }
    const open = this.#codes(cookieHeader).slice(0, openAtOnce - 1);
    return { name: this.#cookieName, value: [this.#box.sign(challenge), ...open].join('.') };
  }

  /** Whether this browser was given the challenge. */
  holds(challenge: string, cookieHeader: string | undefined): boolean {
    return this.#codes(cookieHeader).some((code) => this.#box.verify(challenge, code));
  }

  #codes(cookieHeader: string | undefined): string[] {
    const value = readSingleCookie(cookieHeader, this.#cookieName) ?? '';
    return value.split('.').filter((code) => /^[\w-]{43}$/.test(code));
  }
}

function challengeOf(location: string): string | undefined {
  if (!URL.canParse(location)) {
    return undefined;
  }
  return [...new URL(location).searchParams].find(([name]) => challengeParameter.test(name))?.[1];
}
