import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import { foldIdentifier } from '../platform/core/account-identifier.js';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { OryConfiguration } from '../platform/config/configuration.js';
import { Problem } from '../platform/errors/problem.error.js';
import { KratosClient } from '../providers/ory/kratos/kratos.client.js';
import { toProviderIdentity } from '../providers/ory/kratos/kratos-session.js';
import { AnySession, CurrentUser } from '../session/guards/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { type Flow, parseFlow } from './flow.parser.js';
import { FlowContextFinder } from './flow-context.js';
import { SessionService } from '../session/session.service.js';
import { BegunFlows } from '../providers/ory/proxy/begun-flows.js';
import { FormDrafts } from '../providers/ory/proxy/form-draft.js';
import { settingsChangeIn } from '../providers/ory/proxy/settings-change.js';
import { fieldOf, refusalMessage } from '../providers/ory/proxy/refusal-message.js';
import { isOfConnection } from './connection-visitor.js';
import { PageSender } from './page-sender.js';
import { isOfRecovery, recovers, saysRecovered, withRecovered } from './recovery-end.js';
import { FLOW_KINDS, type FlowKind } from './views/flow-plan.js';
import { withDraft, withLoginHint, withRefusal } from './flow-draft.js';
import { isVerified, withoutEnrolments } from './unverified.settings.js';
import { withOwnEnd, withoutNeed } from './verification-end.js';
import { UnverifiedPage } from './views/unverified.view.js';
import { FlowPage } from './views/flow.view.js';

const kindSchema = z.enum(FLOW_KINDS);
const links = {
  login: '/ui/login',
  registration: '/ui/registration',
  recovery: '/ui/recovery',
  settings: '/ui/settings',
  verification: '/ui/verification',
  home: '/',
  account: '/auth/login',
};

/** Shows Kratos' self-service flows as pages (step 1: the form posts to Kratos through the proxy). */
@ApiExcludeController()
@Controller('ui')
export class FlowController {
  readonly #publicUrl: string;
  readonly #minimumLength: number;

  constructor(
    private readonly kratos: KratosClient,
    private readonly begun: BegunFlows,
    private readonly contexts: FlowContextFinder,
    private readonly pages: PageSender,
    private readonly drafts: FormDrafts,
    private readonly sessions: SessionService,
    @Inject(CONFIGURATION) configuration: OryConfiguration,
  ) {
    this.#publicUrl = configuration.PUBLIC_URL;
    this.#minimumLength = configuration.PASSWORD_MIN_LENGTH;
  }

  @Get(':kind')
  @AnySession()
  async page(
    @Param('kind') kindGiven: string,
    @Query('flow') id: unknown,
    @Query('new') isNew: unknown,
    @Query('return_to') returnTo: unknown,
    @Query('changed') changed: unknown,
    @CurrentUser({ optional: true }) principal: Principal | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const kind = kindSchema.safeParse(kindGiven).data;
    if (kind === undefined) {
      throw new Problem('not_found');
    }
    const found =
      typeof id === 'string' && id !== ''
        ? await this.#find({ kind, id, isNew: isNew !== undefined }, request.headers.cookie)
        : undefined;
    const query = typeof returnTo === 'string' ? `?${new URLSearchParams({ return_to: returnTo })}` : '';
    const needsLogin = kind === 'settings' || kind === 'verification';
    if (found === undefined && needsLogin && principal === undefined) {
      // For the settings, Kratos would ask for a login too, but it wouldn't return here afterwards.
      await reply.redirect(`/auth/login?${new URLSearchParams({ return_to: `/ui/${kind}${query}` })}`, 302);
      return;
    }
    if (
      found === undefined &&
      kind === 'verification' &&
      principal?.user.emailVerified === false &&
      (await isOfConnection(this.sessions, principal))
    ) {
      // Kratos knows no such user, so that no mail would ever come.
      await this.pages.send(reply, h(UnverifiedPage, { email: principal.user.email }));
      return;
    }
    if (found === undefined) {
      // There is no flow yet, or it has expired or belongs to another browser: Kratos starts a new one and returns here.
      await reply.redirect(`${this.#publicUrl}/ory/kratos/self-service/${kind}/browser${query}`, 302);
      return;
    }
    const parsed = parseFlow(found);
    const { application, invite, triesLeft, companyLogin } = await this.contexts.find(request, kind, parsed);
    const locales = application.uiLocales;
    const typed = this.#withDraft(request, parsed, locales);
    // The address of an invite precedes what the application guesses.
    const drafted = invite === undefined ? withLoginHint(kind, typed, application.loginHint) : typed;
    const isUnverified = kind === 'settings' && !isVerified(found);
    const ended = kind === 'verification' ? await this.#ofVerification(request, drafted, principal) : drafted;
    const flow = isUnverified ? withoutEnrolments(ended) : ended;
    const isRecovered = kind === 'settings' && (await this.#isRecovered(request, flow, principal));
    const page = h(FlowPage, {
      kind,
      flow: isRecovered ? withRecovered(flow) : flow,
      isRecovered,
      links,
      invite,
      triesLeft,
      companyLogin,
      isUnverified,
      changed: settingsChangeIn(changed),
      application: application.name,
    });
    await this.pages.send(reply, page, { formTargets: application.redirectUris, locales });
  }

  /** The flow of a page. Nothing has happened yet to one that is new, so it may be remembered. @param header the request's Cookie header. */
  async #find(
    { kind, id, isNew }: { readonly kind: FlowKind; readonly id: string; readonly isNew: boolean },
    header: string | undefined,
  ): Promise<unknown> {
    const begun = isNew ? this.begun.take(kind, id, header) : undefined;
    return begun ?? this.kratos.findFlow(kind, id, header);
  }

  /** Whether the settings are shown to a user who has just recovered the account. */
  async #isRecovered(
    request: FastifyRequest,
    flow: Flow,
    principal: Principal | undefined,
  ): Promise<boolean> {
    if (saysRecovered(flow)) {
      return true;
    }
    if (principal !== undefined && !recovers(principal.claims.amr)) {
      return false;
    }
    const session = await this.kratos.liveSession(request.headers.cookie);
    return session !== undefined && isOfRecovery(session, flow, principal === undefined);
  }

  /** A verification flow that continues with a login here. If the address is already verified, the flow is completed. */
  async #ofVerification(
    request: FastifyRequest,
    flow: Flow,
    principal: Principal | undefined,
  ): Promise<Flow> {
    if (principal?.user.emailVerified !== true) {
      return withOwnEnd(flow, links.account);
    }
    const whoami = await this.kratos.whoami(request.headers.cookie);
    const identity = whoami.state === 'live' ? toProviderIdentity(whoami.session.identity) : undefined;
    const isVerifiedAlready =
      identity?.emailVerified === true && foldIdentifier(identity.email ?? '') === principal.user.email;
    return withOwnEnd(isVerifiedAlready ? withoutNeed(flow) : flow, links.account);
  }

  #withDraft(request: FastifyRequest, flow: Flow, locales: readonly string[]): Flow {
    const { fields, refused } = this.drafts.find(request, flow.id);
    if (refused === undefined) {
      return withDraft(flow, fields);
    }
    const { language } = this.pages.frame(request, locales);
    const message = refusalMessage(refused, this.#minimumLength, language);
    return withRefusal(flow, fields, fieldOf(refused), message);
  }
}
