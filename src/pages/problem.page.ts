import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { h } from 'preact';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import type { NamedProblem } from '../platform/errors/problem.catalogue.js';
import type { Problem } from '../platform/errors/problem.error.js';
import { type ApplicationHost, applicationHostOf } from '../platform/http/application-hosts.js';
import { ErrorPage } from '../platform/http/error.page.js';
import type { TextKey } from '../platform/i18n/locales/en.js';
import type { TextValues } from '../platform/i18n/page-language.js';
import { PageSender } from './page-sender.js';
import { ErrorPage as ErrorPageView } from './views/error.view.js';

interface Action {
  readonly label: TextKey;
  readonly values?: TextValues;
  readonly href: string;
}

const home: Action = { label: 'common.backToStart', href: '/' };
const again: readonly Action[] = [{ label: 'error.startAgain', href: '/auth/login' }, home];

/** What people can do about a problem, if there is more than going back to the start. */
const actionsByCode: Partial<Record<NamedProblem['code'], readonly Action[]>> = {
  login_state_invalid: again,
  login_refused: again,
  challenge_rejected: again,
  access_token_rejected: again,
  unauthenticated: again,
  email_unverified: [{ label: 'error.verifyAddress', href: '/ui/verification' }, home],
  account_mismatch: [
    { label: 'error.verifyAddress', href: '/ui/verification' },
    { label: 'error.recoverAccount', href: '/ui/recovery' },
  ],
  signup_refused: [{ label: 'site.logIn', href: '/auth/login' }, home],
  provider_unavailable: [{ label: 'error.tryAgain', href: '/auth/login' }, home],
};

/** What people can do on a host of applications, if a login there helps. Other links lead to the gateway. */
function actionsOn(
  { origin, loginPath }: ApplicationHost,
  { code, loginUrl }: Problem,
): readonly Action[] | undefined {
  const path = loginUrl ?? (code === 'login_state_invalid' ? loginPath : undefined);
  return path === undefined ? undefined : [{ label: 'error.startAgain', href: origin + path }, home];
}

/** Rate limits on guessing passwords: anyone who has forgotten theirs is offered to choose a new one. */
const passwordGuesses = /^limit_login_/;
const forgotten: readonly Action[] = [{ label: 'login.forgot', href: '/ui/recovery' }, home];

/** Advice for problems that occur if a page was open for too long. */
const adviceByCode: Partial<Record<NamedProblem['code'], TextKey>> = {
  login_refused: 'error.logInAgain',
  challenge_rejected: 'error.logInAgain',
  access_token_rejected: 'error.logInAgain',
  unauthenticated: 'error.logInAgain',
};

/** Advice for problems whose reason is more specific than their code. */
const adviceByReason: Readonly<Record<string, TextKey>> = {
  form_flow_unreadable: 'kratos.4040001',
  user_disabled: 'error.accountDisabled',
  signup_closed: 'signup.closed',
  signup_without_invite: 'signup.withoutInvite',
  signup_other_domain: 'signup.domain',
  signup_unverified: 'signup.unverified',
  member_elsewhere: 'error.memberElsewhere',
  id_token_encrypted: 'error.answerForm',
  userinfo_encrypted: 'error.answerForm',
  userinfo_signed: 'error.answerForm',
  provider_port_blocked: 'error.answerForm',
  provider_without_query: 'error.answerForm',
};

/** The number of minutes to wait; empty if it isn't known. */
function waitOf({ headers }: Problem): TextValues {
  const seconds = Number(headers['retry-after'] ?? Number.NaN);
  return Number.isFinite(seconds) ? { minutes: Math.ceil(seconds / 60) } : {};
}

/** Renders problems as pages. */
@Injectable()
export class ProblemPage extends ErrorPage {
  readonly #publicUrl: string;
  /** Whether people can choose a new password here. */
  readonly #hasRecovery: boolean;

  constructor(
    private readonly pages: PageSender,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    super();
    this.#publicUrl = configuration.PUBLIC_URL;
    this.#hasRecovery = configuration.AUTH_PROVIDER === 'ory';
  }

  override render(problem: Problem, request: FastifyRequest): string {
    const { text, find } = this.pages.frame(request).language;
    const { code, detail, loginUrl, reason = '' } = problem;
    const host = applicationHostOf(request);
    const ofReason = adviceByReason[reason];
    const known = adviceByCode[code];
    // Shown only for a form that was sent: a page load is redirected to the login instead.
    const stepUp: readonly Action[] | undefined =
      loginUrl === undefined || host !== undefined
        ? undefined
        : [{ label: 'flow.confirm', href: loginUrl }, home];
    const advice =
      stepUp === undefined
        ? ((ofReason && text(ofReason)) ??
          find(`problem.${code}.advice`, { ...waitOf(problem), address: this.#publicUrl }) ??
          (known === undefined ? detail : text(known)))
        : text('error.stepUp');
    const page = h(ErrorPageView, {
      title: find(`problem.${code}.title`) ?? problem.definition.title,
      advice: advice ?? text('error.goBack'),
      code,
      requestId: request.id,
      // On another host, the links would lead nowhere, and who is logged in isn't known.
      isWithoutLogin: host !== undefined || code === 'wrong_host',
      actions: (stepUp ?? (host && actionsOn(host, problem)) ?? this.#actionsFor(problem)).map(
        ({ label, values, href }) => ({
          label: text(label, values),
          href,
        }),
      ),
    });
    return this.pages.render(request, page);
  }

  #actionsFor({ code, reason = '' }: Problem): readonly Action[] {
    if (code === 'wrong_host') {
      const address = this.#publicUrl;
      return [{ label: 'error.goToAddress', values: { address }, href: `${address}/` }];
    }
    if (code === 'rate_limited' && this.#hasRecovery && passwordGuesses.test(reason)) {
      return forgotten;
    }
    return actionsByCode[code] ?? [home];
  }
}
