import type { Abstract } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { AuditService } from '../../../directory/audit/audit.service.js';
import { networksOf } from '../../../directory/rate-limit/limit-keys.js';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { CookieWriter } from '../../../platform/http/cookie-writer.js';
import { allowOtherOrigins } from '../../../platform/http/cross-origin-answers.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { LoginTransactions } from '../../../login/login-transaction.js';
import { ApplicationAdmission } from '../challenges/application-admission.js';
import { ApplicationClaims } from '../challenges/application-claims.js';
import { withAddedState } from '../hydra/added-state.js';
import { ApplicationSecretRepository } from '../hydra/application-secret.repository.js';
import { ApplicationUses } from '../hydra/application-uses.js';
import { ChallengeBinding } from '../hydra/challenge-binding.js';
import { ClientAssertions } from '../hydra/client-assertions.js';
import { ClientRepository } from '../hydra/client.repository.js';
import { HydraApplications } from '../hydra/hydra-applications.js';
import { HydraClient } from '../hydra/hydra.client.js';
import { HydraDiscovery } from '../hydra/hydra-discovery.js';
import { HydraGrants } from '../hydra/hydra-grants.js';
import { hydraIssuer } from '../hydra/hydra-relying-party.js';
import { OwnLogins } from '../hydra/own-logins.js';
import { ResourceRegistry } from '../hydra/resource-registry.js';
import { RefreshAnswerRepository } from '../hydra/refresh-answer.repository.js';
import { OryBootstrap } from '../ory-bootstrap.js';
import { IdentitySource } from '../sources/identity-source.js';
import { AddedGates } from './added-gates.js';
import { ApplicationAccess } from './application-access.js';
import { AuthorizationResponse } from './authorization-response.js';
import { ClientOutage } from './client-outage.js';
import { codeProtectionGate } from './code-protection.gate.js';
import { admitOnlyCodes, CodeGate } from './code.gate.js';
import { CredentialOutage } from './credential-outage.js';
import type { Exchange } from './exchange.js';
import { FormPostPage } from './form-post.page.js';
import type { Gate } from './gate-list.js';
import { HydraAnswers } from './hydra-answers.js';
import { logoutStateGate } from './logout-state.gate.js';
import type { OryLimits } from './ory-limits.js';
import { repeatsAsQuery } from './posted-authorization.js';
import { presentedToken } from './presented-token.js';
import { isContinued, parametersIn, queryOf, requireEncodedForm, requireSameReading } from './query-limit.js';
import { RefreshAnswers } from './refresh-answers.js';
import { RefreshGate } from './refresh.gate.js';
import { refuseRequestObject } from './request-object.gate.js';
import { SecretGate } from './secret.gate.js';
import { selfRegisteredGate } from './self-registered.gate.js';
import { UsedVerifierGate } from './used-verifier.gate.js';

/** Seconds that a person has to answer a challenge. */
const challengeLifetime = 1800;
/** What applications call from their own pages: with a code, a token or nothing, and never with a cookie. */
const forOtherOrigins =
  /^\/(?:oauth2\/(?:token|revoke)|userinfo|\.well-known\/(?:openid-configuration|jwks\.json))$/;

/**
 * The rules in front of Hydra. Their order is policy: a request that two programs could read in two ways is judged by none of them, and an
 * answer is kept for a second refresh as it is sent.
 * @param get a part of the application. @param limits those of Kratos and Hydra.
 */
export function hydraGates(
  get: <T>(part: Abstract<T>) => T,
  configuration: OryConfiguration,
  limits: OryLimits,
): readonly Gate[] {
  const hydra = get(HydraClient);
  const resources = get(ResourceRegistry);
  const added = get(AddedGates);
  const bootstrap = get(OryBootstrap);
  const binding = get(ChallengeBinding);
  const clock = get(Clock);
  const writer = get(CookieWriter);
  const response = new AuthorizationResponse(resources, hydraIssuer(configuration), configuration.PUBLIC_URL);
  const usedVerifiers = new UsedVerifierGate(get(LoginTransactions), configuration.PUBLIC_URL);
  const answers = new HydraAnswers(
    get(HydraDiscovery),
    get(FormPostPage),
    get(ApplicationClaims),
    usedVerifiers,
    response,
  );
  const secrets = new SecretGate(
    get(ApplicationSecretRepository),
    get(HydraApplications),
    get(ClientAssertions),
  );
  const sources = get(IdentitySource);
  const admission = get(ApplicationAdmission);
  const audit = get(AuditService);
  const access = new ApplicationAccess(hydra, sources, admission, get(HydraGrants), audit);
  const refreshes = new RefreshGate(hydra, access, get(ApplicationUses));
  const codes = new CodeGate(hydra, sources, access, get(ApplicationClaims));
  const refreshAnswers = new RefreshAnswers(get(RefreshAnswerRepository), hydra, resources, admission, audit);
  const outage = new ClientOutage(
    hydra,
    get(ClientRepository),
    get(ApplicationSecretRepository),
    configuration.PUBLIC_URL,
  );
  const ownLogins = get(OwnLogins);
  const tokens = new CredentialOutage(() => hydra.readClients());
  return [
    // What every other gate judges is what takes its place.
    ...added.at('replacement'),
    {
      name: 'reading',
      admit: ({ request, path }) => {
        requireSameReading(queryOf(request.url));
        requireEncodedForm(request.method, request.headers, path);
      },
    },
    {
      name: 'other-origins',
      admit: async ({ request, reply, path }) => {
        const preflight = forOtherOrigins.test(path) ? allowOtherOrigins(request, reply) : undefined;
        await preflight;
        return preflight !== undefined;
      },
    },
    { name: 'metadata', admit: ({ reply, path }) => answers.metadata(reply, path) },
    {
      name: 'posted-authorization',
      admit: ({ request, reply, path }) => repeatsAsQuery(request, reply, path),
    },
    { name: 'keys', admit: () => bootstrap.requireKeys() },
    { name: 'limits', admit: ({ request, reply, path }) => limits.admitToHydra(request, reply, path) },
    {
      name: 'secret',
      admit: (exchange) => secrets.admit(exchange),
      settle: (exchange) => secrets.settle(exchange),
    },
    {
      name: 'refresh',
      admit: async (exchange) => {
        exchange.refresh = await refreshes.admit(exchange.request, exchange.path);
      },
      settle: ({ request, reply }) => refreshes.settle(request, reply),
    },
    {
      name: 'code',
      admit: (exchange) => codes.admit(exchange),
      settle: (exchange, payload) => codes.settle(exchange, payload),
    },
    {
      name: 'client-outage',
      settle: ({ reply, path, query, presented }) =>
        path === '/oauth2/auth'
          ? outage.settleAuthorization(reply, query)
          : outage.settleToken(reply, presented),
    },
    {
      // As Hydra and the gates say it, before a login begins anew in its place.
      name: 'response',
      settle: (exchange) => {
        if (exchange.path === '/oauth2/auth') {
          response.settle(exchange);
        }
      },
    },
    {
      name: 'used-verifier',
      settle: ({ request, reply, path }) => {
        if (path === '/oauth2/auth') {
          usedVerifiers.settle(request, reply);
        }
      },
    },
    {
      // Hydra's own refusal: what the gates after this one refuse, they know.
      name: 'token-outage',
      admit: async (exchange) => {
        if (exchange.path === '/userinfo') {
          exchange.token = await presentedToken(exchange.request);
        }
      },
      settle: async ({ request, reply, token }) => {
        if (token !== undefined) {
          await tokens.settle(reply, networksOf(request.ip), () => hydra.refusesToken(token));
        }
      },
    },
    // What decides which clients may ask, before it is judged what they ask for.
    ...added.at('clients'),
    ...(resources.issuer === undefined ? [selfRegisteredGate] : []),
    ...added.at('requests'),
    // What the gates before write anew, too.
    { name: 'response-type', admit: admitOnlyCodes },
    { name: 'request-object', admit: refuseRequestObject },
    codeProtectionGate(hydra),
    { name: 'state', admit: admitAnyState },
    logoutStateGate,
    {
      name: 'answer',
      settle: (exchange, payload) => answers.rewrite(exchange, payload),
    },
    {
      name: 'refresh-answer',
      admit: ({ request, reply, refresh, grant }) =>
        refreshAnswers.admit(request, reply, refresh, grant?.jkt),
      settle: ({ request, reply }, payload) => refreshAnswers.settle(request, reply, payload),
    },
    {
      // Only Hydra issues challenges. Kratos redirects to any `return_to` on this origin. So anyone who holds a stolen challenge could
      // otherwise have it bound to their own browser through Kratos.
      name: 'challenge',
      settle: ({ request, reply, path }) => {
        const location = reply.getHeader('location');
        const bound =
          typeof location === 'string'
            ? binding.bind({ path, location }, request.headers.cookie, clock.now())
            : undefined;
        if (bound !== undefined) {
          writer.set(reply, bound.name, bound.value, challengeLifetime);
          for (const name of bound.surplus.filter((other) => !setsCookie(reply, other))) {
            writer.clear(reply, name);
          }
          const verifier = parametersIn(queryOf(request.url)).get('login_verifier');
          if (verifier && bound.isConsent) {
            ownLogins.redirected(verifier, bound.challenge);
          }
        }
      },
    },
  ];
}

/** Has Hydra accept a state of any length, or none; the application gets it back as it was. */
function admitAnyState(exchange: Exchange): void {
  if (exchange.path === '/oauth2/auth' && !isContinued(parametersIn(exchange.query))) {
    exchange.query = withAddedState(exchange.query);
  }
}

function setsCookie(reply: FastifyReply, name: string): boolean {
  return [reply.getHeader('set-cookie') ?? []].flat().some((line) => String(line).startsWith(`${name}=`));
}
