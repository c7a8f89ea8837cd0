import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { isSameText } from '../../platform/crypto/secret-text.js';
import { type Principal, hasSession, userOf } from '../../session/principal.js';
import { SessionRenewer } from '../../session/session-renewer.js';
import { SessionService } from '../../session/session.service.js';
import { AuthorizationCodeRepository } from './authorization-code.repository.js';
import type { CodeForm, CommandLineRequest } from './command-line.schemas.js';
import { OAuthError } from '../../session/tokens/oauth.error.js';
import type { ClientInfo } from '../../platform/http/client-info.js';

/** Lifetimes of a code in milliseconds: for a program that waits for it, and for a user who pastes it. */
const redirectLife = 60_000;
const pasteLife = 300_000;

/** A code that a user confirmed, and its destination. */
export interface IssuedCode {
  readonly code: string;
  /** Redirect with code, state and issuer (RFC 9207); undefined if the code is to be shown. */
  readonly redirect: URL | undefined;
}

/** Logs in command lines: a user's session authorizes a program on their machine, by a one-time code. */
@Injectable()
export class CommandLineLogins {
  readonly #issuer: string;
  readonly #audience: string;

  constructor(
    private readonly codes: AuthorizationCodeRepository,
    private readonly sessions: SessionService,
    private readonly renewer: SessionRenewer,
    @Inject(CONFIGURATION) { PUBLIC_URL, TOKEN_AUDIENCE }: Configuration,
  ) {
    this.#issuer = PUBLIC_URL;
    this.#audience = TOKEN_AUDIENCE;
  }

  /** Requires a browser with a session. @throws {Problem} `forbidden` for any other caller. */
  requireBrowser(principal: Principal): void {
    if (principal.credential !== 'cookie' || !hasSession(principal)) {
      throw new Problem('forbidden', { reason: 'command_line_login_without_browser' });
    }
  }

  /**
   * Makes the code, once the user has confirmed.
   * @param shownTo the session in which the page was shown: after another login in between, the confirmation doesn't count.
   * @throws {Problem} `forbidden`, `challenge_rejected`
   */
  async issue(principal: Principal, request: CommandLineRequest, shownTo: unknown): Promise<IssuedCode> {
    this.requireBrowser(principal);
    const { sub, sid } = principal.claims;
    if (shownTo !== sid) {
      throw new Problem('challenge_rejected', { reason: 'command_line_login_of_other_session' });
    }
    const { redirect_uri: uri, state = '' } = request;
    const grant = {
      user_id: sub,
      session_id: sid,
      code_challenge: request.code_challenge,
      redirect_uri: uri ?? null,
      device: request.device,
    };
    const code = await this.codes.issue(grant, uri === undefined ? pasteLife : redirectLife);
    return { code, redirect: this.#answer(uri, { code, state }) };
  }

  /** The redirect of a refusal (RFC 6749 section 4.1.2.1); undefined if the request has no redirect URI. */
  refusal({ redirect_uri: uri, state = '' }: CommandLineRequest): URL | undefined {
    return this.#answer(uri, { error: 'access_denied', state });
  }

  /**
   * Redeems a code: returns the user who confirmed it, and the machine. The code is used up whatever the outcome.
   * @throws {OAuthError} `invalid_grant`. {Problem} what {@link principalIn} throws.
   */
  async redeem(form: CodeForm, client: ClientInfo): Promise<{ principal: Principal; device: string }> {
    const grant = await this.codes.take(form.code);
    if (grant === undefined) {
      throw refused('code_unknown_used_or_over');
    }
    if (!isSameText(challengeOf(form.code_verifier), grant.code_challenge)) {
      throw refused('code_verifier_wrong');
    }
    if ((form.redirect_uri ?? null) !== grant.redirect_uri) {
      throw refused('redirect_uri_differs');
    }
    return { principal: await this.principalIn(grant.session_id, client), device: grant.device };
  }

  /**
   * The user of the session in which a login was allowed. No token of the session is presented, so it is renewed: the provider says
   * whether it goes on.
   * @throws {OAuthError} `invalid_grant`. {Problem} what {@link SessionRenewer.renew} throws.
   */
  async principalIn(sessionId: string, client: ClientInfo): Promise<Principal> {
    const session = await this.sessions.findLive(sessionId);
    if (session === undefined) {
      throw refused('session_over');
    }
    const known = { sid: session.id, sub: session.user_id, aud: this.#audience };
    const { claims } = await this.renewer.renew(known, client);
    return { user: userOf(claims), claims, credential: 'cookie' };
  }

  #answer(uri: string | undefined, parameters: Readonly<Record<string, string>>): URL | undefined {
    return uri === undefined
      ? undefined
      : new URL(`${uri}?${new URLSearchParams({ ...parameters, iss: this.#issuer })}`);
  }
}

function refused(reason: string): OAuthError {
  return new OAuthError('invalid_grant', 'the code is unknown, used, over, or not for this', reason);
}

/** The code challenge of a verifier (RFC 7636 section 4.6). */
function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}
