import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import { type ClientInfo, clientInfoOf } from '../../../platform/http/client-info.js';
import { connectionIdOf } from '../../../directory/users/connection-identity.js';
import { ChallengeBinding } from '../hydra/challenge-binding.js';
import { protectionFault } from '../hydra/code-protection.js';
import { applicationOf } from '../hydra/hydra-applications.js';
import { HydraClient } from '../hydra/hydra.client.js';
import { gatewayClientId } from '../hydra/hydra-clients.js';
import type { LoginRequest } from '../hydra/hydra.schemas.js';
import { OwnLogins } from '../hydra/own-logins.js';
import { CompanyLogins } from '../sources/company-logins.js';
import { type BrowserSession, IdentitySource, type SourceSession } from '../sources/identity-source.js';
import { Public } from '../../../session/guards/access.decorators.js';
import { ApplicationAdmission } from './application-admission.js';
import { requireBound, restarted } from './ory-challenge.js';

/** The route of Hydra's login challenge (steps 2 to 5): answered from the browser's Kratos session, or redirected to get one. */
@ApiExcludeController()
@Controller('auth/ory/login')
export class OryLoginController {
  readonly #publicUrl: string;

  constructor(
    private readonly sources: IdentitySource,
    private readonly hydra: HydraClient,
    private readonly ownLogins: OwnLogins,
    private readonly binding: ChallengeBinding,
    private readonly admission: ApplicationAdmission,
    private readonly companies: CompanyLogins,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#publicUrl = configuration.PUBLIC_URL;
  }

  @Get()
  @Public()
  async login(
    @Query('login_challenge') given: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const challenge = requireBound(this.binding, given, request);
    const [loginRequest, browser] = await this.#read(challenge, request.headers.cookie);
    const asked = new URL(loginRequest.request_url);
    const fault = protectionFault(applicationOf(loginRequest.client), asked.searchParams);
    if (fault !== undefined) {
      // Hydra would say so, but only once the user has logged in and agreed.
      request.log.info(
        { reason: fault, clientId: loginRequest.client.client_id },
        'authorization request refused',
      );
      await reply.redirect(await this.hydra.rejectLogin(challenge, fault), 302);
      return;
    }
    if (browser.state === 'live' && (await this.#leadElsewhere(loginRequest, browser.session, reply))) {
      return;
    }
    const bar = barOf(asked, this.binding.boundAt(challenge, request.headers.cookie) ?? Infinity);
    const subject = browser.state === 'live' ? browser.session.identity.subject : undefined;
    // With a second factor outstanding, the user isn't known yet; ending Hydra's session would log them out here too (back-channel).
    const isKnown = browser.state !== 'aal2_required';
    if (isKnown && loginRequest.skip && loginRequest.session_id && subject !== loginRequest.subject) {
      // Hydra remembers a user whom no source does: that session ends, and the login begins again without it.
      await this.hydra.forgetSession(loginRequest.session_id);
      await reply.redirect(restarted(this.#publicUrl, loginRequest.request_url), 302);
      return;
    }
    const next = stepTo(bar, browser);
    if (browser.state === 'live' && next === undefined) {
      await reply.redirect(
        await this.#enter(loginRequest, browser.session, { asked, from: clientInfoOf(request) }),
        302,
      );
    } else if (promptsOf(asked).includes('none')) {
      await reply.redirect(await this.hydra.rejectLogin(challenge, 'login_required'), 302);
    } else {
      const isNew = browser.state === 'none' && asked.searchParams.get('screen_hint') === 'signup';
      const url = await this.#credentialsUrl(challenge, browser, isNew ? undefined : (next ?? {}), asked);
      const isOwn = loginRequest.client.client_id === gatewayClientId;
      const unmet = 'unmet_authentication_requirements';
      const refusal = isOwn ? this.#impossible : undefined;
      await reply.redirect(url ?? refusal ?? (await this.hydra.rejectLogin(challenge, unmet)), 302);
    }
  }

  /**
   * The challenge, and the browser's session. An own login that this process has read before can be accepted as it is: Hydra refuses it then
   * if it isn't valid any more.
   */
  async #read(challenge: string, cookie: string | undefined): Promise<[LoginRequest, BrowserSession]> {
    const known = this.hydra.takeOwnLogin(challenge);
    // Steps 3 and 4: is the cookie of Kratos, or of another source, a live session?
    const session = this.sources.browserSession(cookie);
    return known !== undefined && (await session).state === 'live'
      ? [known, await session]
      : Promise.all([this.hydra.loginRequest(challenge), session]);
  }

  /** Leads a user who must log in by the connection of their organisation there; the login that isn't enough ends. @returns whether it did. */
  async #leadElsewhere(
    { challenge, request_url: url }: LoginRequest,
    { id, identity }: SourceSession,
    reply: FastifyReply,
  ): Promise<boolean> {
    const connection = await this.companies.source?.requiredOf(identity);
    if (connection === undefined) {
      return false;
    }
    await this.sources.endSession({ id, subject: identity.subject });
    const query = new URLSearchParams({ login_challenge: challenge });
    const next = promptsOf(new URL(url)).includes('none')
      ? await this.hydra.rejectLogin(challenge, 'login_required')
      : `${this.#publicUrl}/ui/connections/${connection.id}?${query}`;
    await reply.redirect(next, 302);
    return true;
  }

  /**
   * Where the user gives the credentials that are still missing. Where connections exist, a page asks for the address first.
   * @param step parameters for Kratos' login; undefined for a registration.
   * @param asked the authorization request, which may name a connection.
   * @returns undefined if the source of the live session can't ask for them.
   */
  async #credentialsUrl(
    challenge: string,
    browser: BrowserSession,
    step: Readonly<Record<string, string>> | undefined,
    asked: URL,
  ): Promise<string | undefined> {
    const query = new URLSearchParams({ login_challenge: challenge });
    const connection = browser.state === 'live' ? connectionIdOf(browser.session.identity.issuer) : undefined;
    if (connection !== undefined) {
      return step?.['aal'] === undefined
        ? `${this.#publicUrl}/ui/connections/${connection}?${query}`
        : undefined;
    }
    if (step === undefined) {
      return this.#selfServiceUrl('registration', challenge, {});
    }
    const named =
      browser.state === 'none'
        ? await this.companies.source?.find(asked.searchParams.get('connection') ?? '')
        : undefined;
    if (named !== undefined) {
      return `${this.#publicUrl}/ui/connections/${named.id}?${query}`;
    }
    return browser.state === 'none' && this.companies.source?.areAskedFirst === true
      ? `${this.#publicUrl}/ui/identify?${query}`
      : this.#selfServiceUrl('login', challenge, step);
  }

  /** Accepts the login for its client. The gateway admits users itself once its login is back; another application wouldn't check. */
  async #enter(
    loginRequest: LoginRequest,
    session: SourceSession,
    { asked, from }: { readonly asked: URL; readonly from: ClientInfo },
  ): Promise<string> {
    const { client } = loginRequest;
    const isOwn = client.client_id === gatewayClientId;
    if (!isOwn) {
      const outcome = await this.admission.judge(session.identity, { client, acr: session.acr, from });
      if (outcome === 'refused') {
        return this.hydra.rejectLogin(loginRequest.challenge, 'access_denied');
      }
      if (outcome === 'factorless') {
        const { challenge } = loginRequest;
        return promptsOf(asked).includes('none')
          ? this.hydra.rejectLogin(challenge, 'login_required')
          : ((await this.#credentialsUrl(
              challenge,
              { state: 'live', session },
              secondFactor(session),
              asked,
            )) ?? this.#impossible);
      }
      if (outcome === 'unverified') {
        return `${this.#publicUrl}/ui/verification`;
      }
    }
    // Step 5. The subject is the identity at its source; session id, amr and acr are carried over.
    const { id, authTime, amr, acr, identity } = session;
    const context = { kratos_session_id: id, amr: [...amr], auth_time: authTime, acr };
    const { subject } = identity;
    const target = await this.hydra.acceptLogin(loginRequest.challenge, { subject, acr, context });
    if (isOwn) {
      this.ownLogins.accepted(target, { request: loginRequest, context, identity });
    }
    return target;
  }

  /** The page that says that the user's login can't give a second factor. */
  get #impossible(): string {
    return `${this.#publicUrl}/ui/second-factor`;
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
    needsAal2: namesAal2Alone(asked),
  };
}

/** Whether `acr_values` accepts no login without a second factor. They are alternatives: every login is `aal1`, so that this one is enough. */
function namesAal2Alone(asked: URL): boolean {
  const values = (asked.searchParams.get('acr_values') ?? '').split(' ');
  return values.includes('aal2') && !values.includes('aal1');
}

function promptsOf(asked: URL): readonly string[] {
  return (asked.searchParams.get('prompt') ?? '').split(' ');
}

/** Parameters for Kratos' login that ask for a second factor, also where its session had one: it would send the browser back at once. */
function secondFactor({ hasLostFactor }: SourceSession): Readonly<Record<string, string>> {
  return hasLostFactor === true ? { refresh: 'true', aal: 'aal2' } : { aal: 'aal2' };
}

/** The step that is still missing. @returns parameters for Kratos' login, or undefined when the session is good enough. */
function stepTo(bar: Bar, browser: BrowserSession): Readonly<Record<string, string>> | undefined {
  if (browser.state !== 'live') {
    // The first factor was given and a second one exists: without the second, it isn't a session.
    return browser.state === 'none' ? {} : { aal: 'aal2' };
  }
  const { authTime, acr } = browser.session;
  if (bar.needsAal2 && acr !== 'aal2') {
    return secondFactor(browser.session);
  }
  if (authTime >= bar.since) {
    return undefined;
  }
  // If a second factor is required, it is given again; otherwise the first one is.
  return bar.needsAal2 ? { refresh: 'true', aal: 'aal2' } : { refresh: 'true' };
}
