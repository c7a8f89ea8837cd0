import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIGURATION } from '../config/config.module.js';
import type { Configuration } from '../config/configuration.js';
import { ChallengeBinding } from '../hydra/challenge.binding.js';
import { HydraClient } from '../hydra/hydra.client.js';
import { gatewayClientId } from '../hydra/hydra.clients.js';
import type { LoginRequest } from '../hydra/hydra.schemas.js';
import { KratosClient, type Whoami } from '../kratos/kratos.client.js';
import { type KratosSession, amrOf, toProviderIdentity } from '../kratos/kratos.session.js';
import { Public } from '../session/access.decorators.js';
import { ApplicationAdmission } from './application.admission.js';
import { requireBound } from './ory.challenge.js';

/** Hydra's login challenge (steps 2 to 5): answered from the browser's Kratos session, or sent to get one. */
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
    // Who still owes a second factor isn't known yet; ending Hydra's session would log them out here too (back-channel).
    const isKnown = whoami.state !== 'aal2_required';
    if (isKnown && loginRequest.skip && loginRequest.session_id && subject !== loginRequest.subject) {
      // Hydra remembers somebody whom Kratos doesn't: that's over, and the login begins again without it.
      await this.#hydra.forgetSession(loginRequest.session_id);
      await reply.redirect(this.#ownUrl(asked), 302);
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

  /** The gateway itself decides who gets in when its login is back; another application would ask nobody. */
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
    return this.#accept(loginRequest, session);
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

/** What the authorization request asks of a login (OpenID Connect Core section 3.1.2.1). */
interface Bar {
  /** When credentials must have been given at the earliest, in milliseconds since the epoch. */
  readonly since: number;
  readonly needsAal2: boolean;
}

/**
 * `max_age` and `prompt=login` count from when the browser was given the challenge, not from now: a login that this
 * challenge led to is good enough however long it took, so nobody is asked in circles.
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

/** @returns what Kratos' login must be asked for, or nothing when the session is good enough. */
function stepTo(bar: Bar, whoami: Whoami): Readonly<Record<string, string>> | undefined {
  if (whoami.state !== 'live') {
    // The first factor was given and a second one exists: nothing less is a session.
    return whoami.state === 'none' ? {} : { aal: 'aal2' };
  }
  const { authenticated_at: since, authenticator_assurance_level: level } = whoami.session;
  if (bar.needsAal2 && level !== 'aal2') {
    return { aal: 'aal2' };
  }
  if (since >= bar.since) {
    return undefined;
  }
  // Who must prove a second factor proves it anew; anybody else gives the first one again.
  return bar.needsAal2 ? { refresh: 'true', aal: 'aal2' } : { refresh: 'true' };
}
