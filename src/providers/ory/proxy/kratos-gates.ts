import type { Abstract } from '@nestjs/common';
import { KratosClient } from '../kratos/kratos.client.js';
import { pathOf } from '../../../platform/http/request-path.js';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { passwordPolicyOf } from '../../../platform/passwords/deployment-passwords.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { LanguageCatalogue } from '../../../platform/i18n/language.catalogue.js';
import { AuditService } from '../../../directory/audit/audit.service.js';
import { UserDirectory } from '../../../directory/users/user-directory.js';
import { SecurityNotices } from '../../../directory/notices/security-notices.js';
import { networksOf } from '../../../directory/rate-limit/limit-keys.js';
import { AccountFacts } from '../../../accounts/account-facts.service.js';
import { AccountOwnership } from '../../../accounts/account-ownership.service.js';
import { AddressRights } from '../../../accounts/address-rights.js';
import { RecoveryCodeRepository } from '../../../accounts/recovery-code.repository.js';
import { SignUpPolicy } from '../../../accounts/sign-up.policy.js';
import { UserNames } from '../../../accounts/user-names.js';
import { RevocationService } from '../../../session/revocation/revocation.service.js';
import { RequestAuthenticator } from '../../../session/guards/request-authenticator.js';
import { FlowDestination } from '../challenges/flow-destination.js';
import { CompanyLogins } from '../sources/company-logins.js';
import { HydraGrants } from '../hydra/hydra-grants.js';
import { IdentityLocks } from '../kratos/identity-locks.js';
import { KratosClearance } from '../kratos/kratos-clearance.js';
import { SessionQuestions } from '../kratos/session-questions.js';
import { AccountAudit } from './account-audit.js';
import { BegunFlows } from './begun-flows.js';
import { ClearanceGate } from './clearance.gate.js';
import { CredentialOutage } from './credential-outage.js';
import { FactsGate } from './facts.gate.js';
import { FormDrafts } from './form-draft.js';
import { FormRefusals } from './form-refusals.js';
import type { Gate } from './gate-list.js';
import { IdentityTurns } from './identity-turns.js';
import { LinkingLogins } from './linking-logins.js';
import { returnFromLogin } from './login-return.js';
import { NameGate } from './name.gate.js';
import type { OryLimits } from './ory-limits.js';
import { OwnershipGate } from './ownership.gate.js';
import { WritingLogins } from './writing-logins.js';
import { PasswordGate } from './password.gate.js';
import { requireKnownAssurance, requireNoForm } from './query-limit.js';
import { SignUpGate } from './sign-up.gate.js';
import { requireCaller } from './upstream-queue.js';
import { VerificationBindings } from './verification-binding.js';
import { VerificationGate } from './verification.gate.js';

/**
 * The rules in front of Kratos. Their order is policy (docs/adr/0023, docs/adr/0009): what is counted is counted before anything is asked, a
 * form that the gateway refuses reaches no rule about accounts, and an account is cleared and owned before the trail says what was done. What
 * the trail compares is read within the turn of a change, so that it isn't another request's.
 * @param get a part of the application. @param limits those of Kratos and Hydra.
 */
export function kratosGates(
  get: <T>(part: Abstract<T>) => T,
  configuration: OryConfiguration,
  limits: OryLimits,
): readonly Gate[] {
  const kratos = get(KratosClient);
  const drafts = get(FormDrafts);
  const policy = passwordPolicyOf(configuration);
  const refusals = new FormRefusals(
    kratos,
    drafts,
    get(LanguageCatalogue),
    configuration.PUBLIC_URL,
    policy.minimumLength,
  );
  const signUp = new SignUpGate(get(SignUpPolicy), get(FlowDestination), refusals, get(CompanyLogins));
  const names = new NameGate(get(UserNames), refusals);
  const passwords = new PasswordGate(policy, refusals);
  const clearances = new ClearanceGate(kratos, get(AccountOwnership));
  const ownership = new OwnershipGate({
    kratos,
    clearance: get(KratosClearance),
    grants: get(HydraGrants),
    ownership: get(AccountOwnership),
    revocations: get(RevocationService),
    rights: get(AddressRights),
    recoveries: get(RecoveryCodeRepository),
    limits,
    verification: new VerificationGate(get(VerificationBindings)),
  });
  const turns = new IdentityTurns(
    get(IdentityLocks),
    kratos,
    get(SessionQuestions),
    new WritingLogins(kratos, new LinkingLogins(kratos, get(Clock)), get(Clock)),
  );
  const trail = new AccountAudit(
    kratos,
    get(AuditService),
    get(UserDirectory),
    get(SecurityNotices),
    configuration,
  );
  const begunFlows = get(BegunFlows);
  const facts = new FactsGate(kratos, get(AccountFacts), get(RequestAuthenticator));
  const sessions = new CredentialOutage(() => kratos.readSessions());
  return [
    {
      name: 'query',
      admit: ({ request, path }) => {
        requireNoForm(request.method, request.url, path);
        requireKnownAssurance(request.url, path);
      },
    },
    {
      // Before the gates that read where Kratos sends the browser.
      name: 'begun-flow',
      admit: (exchange) => {
        exchange.isForFlow = begunFlows.isFor(exchange.request, exchange.path);
      },
      settle: (exchange, payload) => begunFlows.settle(exchange, payload),
    },
    {
      name: 'limits',
      admit: async (exchange) => {
        const { request, reply, path, session } = exchange;
        exchange.isKnown = await limits.admitToKratos(request, reply, path, session);
      },
    },
    {
      name: 'form-draft',
      admit: ({ request }) => drafts.watch(request, pathOf(request)),
      settle: ({ request, reply }) => drafts.settle(request, reply),
    },
    { name: 'sign-up', admit: ({ request, reply, path }) => signUp.refuses(request, reply, path) },
    { name: 'name', admit: ({ request, reply, path }) => names.refuses(request, reply, path) },
    { name: 'password', admit: ({ request, reply, path }) => passwords.refuses(request, reply, path) },
    {
      name: 'clearance',
      admit: ({ request, path, begunAt, session }) => clearances.admit(request, path, begunAt, session),
      settle: ({ request, reply }) => clearances.settle(request, reply),
    },
    {
      name: 'ownership',
      admit: ({ request, path, session }) => ownership.admit(request, path, session),
      settle: ({ request, reply }) => ownership.settle(request, reply),
    },
    {
      name: 'session-outage',
      settle: async ({ request, reply, path }) => {
        const { cookie } = request.headers;
        if (path === '/sessions/whoami' && kratos.mayHaveSession(cookie)) {
          await sessions.settle(reply, networksOf(request.ip), () => kratos.refusesSession(cookie));
        }
      },
    },
    { name: 'caller', admit: ({ reply }) => requireCaller(reply) },
    {
      name: 'turn',
      admit: async (exchange) => {
        await turns.enter(exchange);
        await clearances.requireCurrent(exchange.request);
      },
    },
    {
      name: 'audit',
      admit: ({ request, path, session }) => trail.watch(request, path, session),
      settle: async (exchange) => {
        exchange.changed = await trail.settle(exchange.request, exchange.reply);
      },
    },
    { name: 'turn-over', settle: ({ endTurn }) => endTurn?.() },
    {
      name: 'known-places',
      settle: ({ request, reply, path, changed }) => limits.settle(request, reply, path, changed),
    },
    {
      name: 'facts',
      settle: ({ request, reply, path, changed: { changes } }) =>
        facts.settle(request, reply, { path, changes }),
    },
    {
      name: 'login-return',
      settle: ({ request, reply, path }) => returnFromLogin(request, reply, path, configuration.PUBLIC_URL),
    },
    {
      name: 'kept-draft',
      settle: ({ request, reply }) => {
        const location = reply.getHeader('location');
        if (typeof location === 'string') {
          drafts.keep(request, reply, location);
        }
      },
    },
  ];
}
