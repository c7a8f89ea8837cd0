import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import { ChallengeBinding } from '../hydra/challenge.binding.js';
import { HydraClient } from '../hydra/hydra.client.js';
import { gatewayClientId } from '../hydra/hydra.clients.js';
import type { LoginRequest } from '../hydra/hydra.schemas.js';
import { KratosClient, type Whoami } from '../kratos/kratos.client.js';
import { type KratosSession, amrOf, toProviderIdentity } from '../kratos/kratos.session.js';
import { Public } from '../../../session/guards/access.decorators.js';
import { ApplicationAdmission } from './application.admission.js';
import { requireBound } from './ory.challenge.js';

/** The route of Hydra's login challenge (steps 2 to 5): answered from the browser's Kratos session, or redirected to get one. */
@ApiExcludeController()
@Controller('auth/ory/login')
export class OryLoginController {
  readonly #kratos: KratosClient;
  readonly #hydra: HydraClient;
  readonly #binding: ChallengeBinding;
  readonly #admission: ApplicationAdmission;
  readonly #publicUrl: string;

  constructor(
    kratos: KratosClient,
    hydra: HydraClient,
    binding: ChallengeBinding,
    admission: ApplicationAdmission,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#kratos = kratos;
    this.#hydra = hydra;
    this.#binding = binding;
    this.#admission = admission;
    this.#publicUrl = configuration.PUBLIC_URL;
  }

  @Get()
  @Public()
  async login(
    @Query('login_challenge') given: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const challenge = requireBound(this.#binding, given, request);
    const [loginRequest, whoami] = await Promise.all([
      this.#hydra.loginRequest(challenge),
      // Steps 3 and 4: is the Kratos cookie a live session?
      this.#kratos.whoami(request.headers.cookie),
    ]);
    const asked = new URL(loginRequest.request_url);
    const bar = barOf(asked, this.#binding.boundAt(challenge, request.headers.cookie) ?? Infinity);
    const subject = whoami.state === 'live' ? whoami.session.identity.id : undefined;
    // With a second factor outstanding, the user isn't known yet; ending Hydra's session would log them out here too (back-channel).
    const isKnown = whoami.state !== 'aal2_required';
    if (isKnown && loginRequest.skip && loginRequest.session_id && subject !== loginRequest.subject) {
      // Hydra remembers a user whom Kratos doesn't: that session ends, and the login begins again without it.
      await this.#hydra.forgetSession(loginRequest.session_id);
      // On our own origin, whatever address Hydra has for itself.
      await reply.redirect(`${this.#publicUrl}${asked.pathname}${asked.search}`, 302);
      return;
    }
    const next = stepTo(bar, whoami);
    if (whoami.state === 'live' && next === undefined) {
      await reply.redirect(await this.#enter(loginRequest, whoami.session), 302);
    } else if (promptsOf(asked).includes('none')) {
      await reply.redirect(await this.#hydra.rejectLogin(challenge, 'login_required'), 302);
    } else {
      const isNew = whoami.state === 'none' && asked.searchParams.get('screen_hint') === 'signup';
      const kind = isNew ? 'registration' : 'login';
      await reply.redirect(this.#selfServiceUrl(kind, challenge, next ?? {}), 302);
    }
  }

  /** Accepts the login for its client. The gateway admits users itself once its login is back; another application wouldn't check. */
  async #enter(loginRequest: LoginRequest, session: KratosSession): Promise<string> {
    if (loginRequest.client.client_id !== gatewayClientId) {
      const outcome = await this.#admission.judge(toProviderIdentity(session.identity));
      if (outcome === 'refused') {
        return this.#hydra.rejectLogin(loginRequest.challenge, 'access_denied');
      }
      if (outcome === 'unverified') {
        return `${this.#publicUrl}/ui/verification`;
      }
    }
    // Step 5. The subject is the Kratos identity; session id, amr and acr are carried over.
    const { id, authenticated_at: authTime, authenticator_assurance_level: level, identity } = session;
    const acr = level === 'aal2' ? 'aal2' : 'aal1';
    const context = { kratos_session_id: id, amr: amrOf(session), auth_time: authTime, acr } as const;
    return this.#hydra.acceptLogin(loginRequest.challenge, { subject: identity.id, acr, context });
  }

  /** The URL of Kratos' self-service flow, for steps 1 and 2; the flow returns to this challenge. */
  #selfServiceUrl(
    kind: 'login' | 'registration',
    challenge: string,
    extra: Readonly<Record<string, string>>,
  ): string {
    const returnTo = `${this.#publicUrl}/auth/ory/login?${new URLSearchParams({ login_challenge: challenge })}`;
    const query = new URLSearchParams({ ...extra, return_to: returnTo });
    return `${this.#publicUrl}/ory/kratos/self-service/${kind}/browser?${query}`;
  }
}

/** What the authorization request requires of a login (OpenID Connect Core section 3.1.2.1). */
interface Bar {
  /** Earliest time at which credentials may have been given, in milliseconds since the epoch. */
  readonly since: number;
  readonly needsAal2: boolean;
}

/**
 * The requirement of an authorization request. `max_age` and `prompt=login` count from when the browser was given the challenge,
 * not from now: a login that this challenge led to is good enough however long it took, so the user isn't asked in circles.
 */
function barOf(asked: URL, boundAt: number): Bar {
  const maxAge = asked.searchParams.get('max_age') ?? '';
  const earliest = /^\d{1,10}$/.test(maxAge) ? boundAt - Number(maxAge) * 1000 : 0;
  return {
    since: promptsOf(asked).includes('login') ? boundAt : earliest,
    needsAal2: (asked.searchParams.get('acr_values') ?? '').split(' ').includes('aal2'),
  };
}

function promptsOf(asked: URL): readonly string[] {
  return (asked.searchParams.get('prompt') ?? '').split(' ');
}

/** The step that is still missing. @returns parameters for Kratos' login, or undefined when the session is good enough. */
function stepTo(bar: Bar, whoami: Whoami): Readonly<Record<string, string>> | undefined {
  if (whoami.state !== 'live') {
    // The first factor was given and a second one exists: without the second, it isn't a session.
    return whoami.state === 'none' ? {} : { aal: 'aal2' };
  }
  const { authenticated_at: since, authenticator_assurance_level: level } = whoami.session;
  if (bar.needsAal2 && level !== 'aal2') {
    return { aal: 'aal2' };
  }
  if (since >= bar.since) {
    return undefined;
  }
  // If a second factor is required, it is given again; otherwise the first one is.
  return bar.needsAal2 ? { refresh: 'true', aal: 'aal2' } : { refresh: 'true' };
}
