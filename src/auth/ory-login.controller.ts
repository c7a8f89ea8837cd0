import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { Clock } from '../core/clock.service.js';
import { ChallengeBinding } from '../hydra/challenge.binding.js';
import { HydraClient } from '../hydra/hydra.client.js';
import type { LoginRequest } from '../hydra/hydra.schemas.js';
import { KratosClient } from '../kratos/kratos.client.js';
import { type KratosSession, amrOf } from '../kratos/kratos.session.js';
import { Public } from '../session/access.decorators.js';
import { requireBound } from './ory.challenge.js';

/** Hydra's login challenge (steps 2 to 5): answered from the browser's Kratos session, or sent to get one. */
@ApiExcludeController()
@Controller('auth/ory/login')
export class OryLoginController {
  readonly #kratos: KratosClient;
  readonly #hydra: HydraClient;
  readonly #binding: ChallengeBinding;
  readonly #clock: Clock;
  readonly #publicUrl: string;

  constructor(
    kratos: KratosClient,
    hydra: HydraClient,
    binding: ChallengeBinding,
    clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#kratos = kratos;
    this.#hydra = hydra;
    this.#binding = binding;
    this.#clock = clock;
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
    const loginRequest = await this.#hydra.loginRequest(challenge);
    const asked = new URL(loginRequest.request_url);
    // Steps 3 and 4: is the Kratos cookie a live session?
    const whoami = await this.#kratos.whoami(request.headers.cookie);
    const subject = whoami.state === 'live' ? whoami.session.identity.id : undefined;
    if (loginRequest.skip && loginRequest.session_id && subject !== loginRequest.subject) {
      // Hydra remembers somebody whom Kratos doesn't: that's over, and the login begins again without it.
      await this.#hydra.forgetSession(loginRequest.session_id);
      await reply.redirect(this.#ownUrl(asked), 302);
      return;
    }
    if (whoami.state === 'live' && isFreshEnough(whoami.session, asked, this.#clock.now())) {
      await reply.redirect(await this.#accept(loginRequest, whoami.session), 302);
    } else if (asked.searchParams.get('prompt') === 'none') {
      await reply.redirect(await this.#hydra.rejectLogin(challenge, 'login_required'), 302);
    } else {
      const extra =
        whoami.state === 'live' ? { refresh: 'true' } : whoami.state === 'none' ? {} : { aal: 'aal2' };
      await reply.redirect(this.#selfServiceUrl(asked, challenge, extra), 302);
    }
  }

  /** Step 5: the subject is the Kratos identity; session id, amr and acr are carried over. */
  async #accept(loginRequest: LoginRequest, session: KratosSession): Promise<string> {
    const acr = session.authenticator_assurance_level === 'aal2' ? 'aal2' : 'aal1';
    return this.#hydra.acceptLogin(loginRequest.challenge, {
      subject: session.identity.id,
      acr,
      context: {
        kratos_session_id: session.id,
        amr: amrOf(session),
        auth_time: session.authenticated_at,
        acr,
      },
    });
  }

  /** The authorization request once more, on our own origin whatever Hydra calls itself. */
  #ownUrl(asked: URL): string {
    return `${this.#publicUrl}${asked.pathname}${asked.search}`;
  }

  /** Steps 1 and 2 happen there: Kratos' flow comes back to this challenge. */
  #selfServiceUrl(asked: URL, challenge: string, extra: Readonly<Record<string, string>>): string {
    const flow = asked.searchParams.get('screen_hint') === 'signup' ? 'registration' : 'login';
    const returnTo = `${this.#publicUrl}/auth/ory/login?${new URLSearchParams({ login_challenge: challenge })}`;
    const query = new URLSearchParams({ ...extra, return_to: returnTo });
    return `${this.#publicUrl}/ory/kratos/self-service/${flow}/browser?${query}`;
  }
}

/** `max_age` of the authorization request, in seconds (OpenID Connect Core section 3.1.2.1). */
function isFreshEnough(session: KratosSession, asked: URL, now: number): boolean {
  const maxAge = asked.searchParams.get('max_age');
  return maxAge === null || !/^\d+$/.test(maxAge) || session.authenticated_at + Number(maxAge) * 1000 >= now;
}
