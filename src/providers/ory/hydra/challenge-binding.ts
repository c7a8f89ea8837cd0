import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import { PurposeCipher } from '../../../platform/crypto/purpose-cipher.js';
import { CookieWriter } from '../../../platform/http/cookie-writer.js';
import { cookieNames, readSingleCookie, surplusOf } from '../../../platform/http/cookie-reader.js';

/** Challenges that one browser may have open at once. */
const openAtOnce = 6;
/** Beginnings of Hydra's names for its own cookies of open challenges: one for each application, some hundred bytes each. */
const hydraCookies = ['ory_hydra_login_csrf_', 'ory_hydra_consent_csrf_'] as const;
/** Seconds in which a browser follows the redirect after a consent page. */
const answerLifetime = 300;
/** Hydra's endpoints, and the routes to which they send a browser with a challenge. */
const givenBy: ReadonlyMap<string, RegExp> = new Map([
  ['/oauth2/auth', /^\/auth\/ory\/(login|consent)$/],
  ['/oauth2/sessions/logout', /^\/auth\/ory\/(logout)$/],
]);

/** A cookie that binds a challenge to a browser. */
export interface BoundChallenge {
  readonly challenge: string;
  /** Whether it is a consent challenge. */
  readonly isConsent: boolean;
  readonly name: string;
  readonly value: string;
  /** Names of cookies to delete, because the browser has more open challenges than it may have: ours, and Hydra's own for them. */
  readonly surplus: readonly string[];
}

/**
 * Binds Hydra's challenges to the browser that Hydra gave them to.
 *
 * Hydra trusts anyone who presents a challenge to its login provider. Without the binding, an attacker who obtained somebody's
 * challenge could have it accepted with the attacker's own account. So when the proxy passes on a redirect of Hydra's, it sets a
 * cookie with a MAC of the challenge and the time. The challenge is accepted only with that cookie. Each challenge has its own
 * cookie, because tabs that start at the same moment would overwrite a shared one.
 */
@Injectable()
export class ChallengeBinding {
  readonly #cipher: PurposeCipher;
  readonly #prefix: string;
  readonly #hydraPrefixes: readonly string[];
  readonly #publicUrl: string;

  /** @param cookies names and sets this deployment's cookies. */
  constructor(
    @Inject(CONFIGURATION) { SECRETS, PUBLIC_URL }: Pick<Configuration, 'SECRETS' | 'PUBLIC_URL'>,
    private readonly cookies: CookieWriter,
  ) {
    this.#publicUrl = PUBLIC_URL;
    this.#cipher = new PurposeCipher(SECRETS, 'hydra-challenge');
    this.#prefix = `${cookies.name('vestibule-challenge')}.`;
    this.#hydraPrefixes = hydraCookies.map((name) => cookies.name(name));
  }

  /**
   * The cookie to set when a redirect of Hydra's carries a challenge, and the names of the cookies to delete for it.
   * @param path of Hydra's endpoint. @param location the redirect's target.
   * @param cookieHeader of the request; its newest challenges stay bound.
   * @param now milliseconds since the epoch.
   */
  bind(
    { path, location }: { readonly path: string; readonly location: string },
    cookieHeader: string | undefined,
    now: number,
  ): BoundChallenge | undefined {
    const { kind, challenge } = this.#challengeIn(path, location) ?? {};
    if (challenge === undefined) {
      return undefined;
    }
    const { name, value } = this.#cookieOf(challenge, now);
    const open = cookieNames(cookieHeader, this.#prefix).filter((other) => other !== name);
    const surplus = [
      ...surplusOf(open, openAtOnce - 1),
      ...this.#hydraPrefixes.flatMap((prefix) => surplusOf(cookieNames(cookieHeader, prefix), openAtOnce)),
    ];
    return { challenge, isConsent: kind === 'consent', name, value, surplus };
  }

  /**
   * Lets a browser show that its user has answered a consent page: {@link holds} takes the `consent_verifier` for a challenge then.
   * @param target where Hydra sends it.
   * @param now milliseconds since the epoch.
   */
  bindAnswer(reply: FastifyReply, target: string, now: number): void {
    const verifier = new URL(target).searchParams.get('consent_verifier');
    if (verifier) {
      const { name, value } = this.#cookieOf(verifier, now);
      this.cookies.set(reply, name, value, answerLifetime);
    }
  }

  /** Whether this browser was given the challenge. */
  holds(challenge: string, cookieHeader: string | undefined): boolean {
    return this.boundAt(challenge, cookieHeader) !== undefined;
  }

  /** When this browser was given the challenge, in milliseconds since the epoch; undefined when it wasn't. */
  boundAt(challenge: string, cookieHeader: string | undefined): number | undefined {
    const value = readSingleCookie(cookieHeader, this.#nameOf(challenge)) ?? '';
    const [, time = '', code = ''] = /^(\d{1,15})\.([\w-]{43})$/.exec(value) ?? [];
    return code !== '' && this.#cipher.verify(`${time}.${challenge}`, code) ? Number(time) : undefined;
  }

  #cookieOf(challenge: string, now: number): Pick<BoundChallenge, 'name' | 'value'> {
    return { name: this.#nameOf(challenge), value: `${now}.${this.#cipher.sign(`${now}.${challenge}`)}` };
  }

  #nameOf(challenge: string): string {
    return this.#prefix + createHash('sha256').update(challenge).digest('base64url').slice(0, 16);
  }

  /**
   * The challenge that an endpoint gives to a browser. A redirect to an application has another target, and so may one that a gate has
   * written: anyone who may choose those could otherwise have anybody's challenge bound.
   */
  #challengeIn(
    path: string,
    location: string,
  ): { readonly kind: string; readonly challenge: string } | undefined {
    if (!URL.canParse(location)) {
      return undefined;
    }
    const { origin, pathname, searchParams, hash } = new URL(location);
    const [, kind] = givenBy.get(path)?.exec(pathname) ?? [];
    const [[name, challenge] = [], ...others] = [...searchParams];
    // An answer to an application has more: a code or an error, in the query or behind it.
    const isPlain = origin === this.#publicUrl && hash === '' && others.length === 0;
    return isPlain && kind !== undefined && challenge !== undefined && name === `${kind}_challenge`
      ? { kind, challenge }
      : undefined;
  }
}
