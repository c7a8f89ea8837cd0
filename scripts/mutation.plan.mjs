// Which specs the mutants of a file are run against, the strongest first. They start the application in their own process.
const contract = (...names) => names.map((name) => `test/contract/${name}.spec.ts`);
const strategy = (...names) => names.map((name) => `test/contract/strategy/${name}.spec.ts`);
const e2e = (...names) => names.map((name) => `test/e2e/${name}.spec.ts`);
const session = (...names) => names.map((name) => `src/session/${name}.spec.ts`);

export const plan = {
  'src/session/token.service.ts': [
    ...session('token.service'),
    ...contract('bearer-claims', 'bearer-header', 'bearer-encoding', 'token-exchange'),
    ...session('signing-key.rotation'),
  ],
  'src/session/live.tokens.ts': [...session('live.tokens'), ...contract('session-life', 'renewal-ahead')],
  'src/session/request.authenticator.ts': [
    ...contract('api-key-guard'),
    ...session('request.authenticator'),
    ...contract('session-cookie', 'renewal-ahead', 'token-exchange', 'bearer-encoding'),
    ...contract('log-lines', 'verification-metrics'),
  ],
  'src/session/session.guard.ts': contract('access-decorators', 'rate-limits', 'verification-metrics'),
  'src/session/access.guard.ts': contract('access-decorators', 'api-key-guard'),
  'src/session/step-up.guard.ts': session('step-up.guard'),
  'src/session/revocation.list.ts': [
    ...session('revocation.list', 'live.tokens'),
    ...contract('token-exchange'),
  ],
  'src/session/session.cookie.ts': [
    ...contract('session-cookie', 'session-set-cookie', 'session-limit'),
    ...session('session.cookie'),
  ],
  'src/session/opened.token.ts': session('opened.token'),
  'src/session/cookie.cipher.ts': [...session('cookie.cipher'), ...contract('session-cookie')],
  'src/session/session.service.ts': [
    ...session('session.start'),
    ...contract('session-life', 'sessions-list', 'me', 'session-limit', 'renewal-ahead'),
  ],
  'src/session/revocation.service.ts': [...session('revocation.service'), ...contract('session-life')],
  'src/session/revocation.feed.ts': session('revocation.service'),
  'src/session/revocation.repository.ts': session('revocation.service'),
  'src/session/signing-key.ring.ts': session('signing-key.ring', 'signing-key.rotation'),
  'src/session/signing-key.rotation.ts': session('signing-key.rotation'),
  'src/session/signing-key.repository.ts': session('signing-key.rotation', 'signing-key.ring'),
  'src/session/session.repository.ts': [
    ...session('session.repository'),
    ...contract('session-life', 'sessions-list', 'backchannel-logout'),
    ...session('session.start'),
  ],
  'src/session/session.janitor.ts': session('session.repository'),
  'src/session/session.minter.ts': contract(
    'session-life',
    'token-exchange',
    'claims-enricher',
    'session-limit',
  ),
  'src/session/claims.mapper.ts': [...session('claims.mapper'), ...strategy('access-token')],
  'src/session/account.claims.ts': contract('me', 'orgs', 'renewal-ahead', 'session-life', 'token-exchange'),
  'src/session/scopes.ts': [
    ...contract('api-keys', 'token-exchange', 'access-decorators'),
    ...session('scopes'),
  ],
  'src/core/doorkeeper.ts': ['src/core/doorkeeper.spec.ts'],
  'src/core/recent.digests.ts': ['src/core/recent.digests.spec.ts'],
  'src/core/secret.box.ts': ['src/core/secret.box.spec.ts', ...contract('session-cookie')],
  'src/auth/session.renewal.ts': [
    'src/auth/session.renewal.spec.ts',
    ...contract('renewal-ahead', 'session-life'),
  ],
  'src/auth/auth.service.ts': [
    ...contract('me', 'token-exchange'),
    ...strategy('access-token', 'browser-login', 'logout', 'step-up'),
    ...contract('audit-events'),
  ],
  'src/auth/backchannel-logout.service.ts': contract('backchannel-logout'),
  'src/auth/token-exchange.service.ts': contract('token-exchange'),
  'src/auth/exchange.parties.ts': contract('token-exchange'),
  'src/auth/login.transaction.ts': ['src/auth/login.transaction.spec.ts'],
  'src/auth/rate-limit.guard.ts': contract('rate-limits'),
  'src/auth/backchannel-logout.controller.ts': contract('backchannel-logout'),
  'src/auth/token-exchange.controller.ts': contract('token-exchange', 'command-line-login', 'rate-limits'),
  'src/auth/actor.chain.ts': ['src/auth/actor.chain.spec.ts', ...contract('token-exchange')],
  'src/auth/used-token.repository.ts': contract('token-exchange', 'backchannel-logout'),
  'src/auth/service-clients.service.ts': [...contract('token-exchange'), ...e2e('service-clients')],
  'src/auth/auth.controller.ts': [
    ...contract('logout-answers', 'session-life', 'session-cookie', 'session-set-cookie', 'session-limit'),
    ...strategy('access-token', 'logout'),
    ...e2e('invites'),
  ],
  'src/auth/browser-login.controller.ts': [
    ...strategy('browser-login', 'invites', 'step-up', 'login-answer', 'provider-faults'),
    ...contract('session-set-cookie'),
    ...e2e('login-state', 'parallel-logins'),
  ],
  'src/auth/login.demand.ts': ['src/auth/login.demand.spec.ts', ...strategy('step-up')],
  'src/auth/device.name.ts': ['src/auth/device.name.spec.ts'],
  'src/auth/sessions.controller.ts': contract('sessions-list'),
  'src/auth/account-sessions.service.ts': contract('sessions-list', 'users', 'user-access'),
  'src/auth/account-life.service.ts': contract('users', 'user-access', 'me'),
  'src/auth/account-recovery.service.ts': contract('user-access'),
  'src/auth/profile.service.ts': contract('me', 'users'),
  'src/auth/arrival.service.ts': [
    ...strategy('browser-login', 'invites', 'moving'),
    ...contract('my-invites'),
  ],
  'src/auth/command-line-login.service.ts': contract('command-line-login'),
  'src/auth/command-line.grant.ts': contract('command-line-login'),
  'src/auth/authorization-code.repository.ts': contract('command-line-login'),
  'src/auth/well-known.controller.ts': contract('open-routes', 'openapi', 'providers', 'signing-keys'),
  'src/auth/strategies/ory.strategy.ts': [
    'src/auth/strategies/ory.strategy.spec.ts',
    'src/auth/strategies/ory.sessions.spec.ts',
  ],
  'src/auth/strategies/openid.strategy.ts': [
    ...contract('providers', 'backchannel-logout'),
    ...strategy('access-token', 'browser-login', 'step-up'),
  ],
  'src/auth/strategies/auth0.strategy.ts': [
    ...strategy('auth0-answers', 'browser-login', 'logout', 'step-up', 'login-answer'),
    ...contract('auth0-simulator'),
  ],
  'src/auth/strategies/oidc.strategy.ts': [
    ...strategy('browser-login', 'logout', 'step-up', 'login-answer'),
    ...contract('logout-answers'),
  ],
  'src/session/access.decorators.ts': contract('access-decorators'),
  'src/session/step-up.decorators.ts': session('step-up.guard'),
  'src/session/principal.ts': contract('access-decorators', 'me', 'token-exchange'),
  'src/session/claims.schema.ts': [
    ...session('claims.schema', 'token.service'),
    ...contract('bearer-claims'),
  ],
  'src/auth/account.act.ts': contract('users', 'audit-events', 'me'),
  'src/auth/provider.logout.ts': [...contract('logout-answers'), ...strategy('logout')],
  'src/auth/auth-strategy.provider.ts': [
    ...contract('providers'),
    ...strategy('auth0-answers', 'browser-login', 'access-token'),
  ],
  'src/auth/ory-login.controller.ts': e2e(
    'login-challenge',
    'step-up',
    'kratos-session-ended',
    'backchannel-logout',
  ),
  'src/auth/ory.bootstrap.ts': e2e('ory-bootstrap'),
  'src/auth/ory.challenge.ts': e2e('challenge-binding', 'application-logout'),
  'src/auth/ory-consent.controller.ts': e2e('consent', 'challenge-binding'),
  'src/auth/ory-consent.service.ts': e2e(
    'consent',
    'login-challenge',
    'kratos-session-ended',
    'backchannel-logout',
  ),
  'src/auth/ory-logout.controller.ts': e2e('application-logout', 'challenge-binding'),
  'src/oidc/logout.token.ts': ['src/oidc/logout.token.spec.ts', ...contract('backchannel-logout')],
  'src/api-keys/api-key.authenticator.ts': contract('api-key-guard', 'api-keys', 'token-exchange'),
};

/** Files of src/session and src/auth without a decision: modules, ports, shapes of forms and answers, what is remembered of a route. */
export const withoutDecision = [
  'src/auth/auth.module.ts',
  'src/auth/auth.schemas.ts',
  'src/auth/auth.strategy.ts',
  'src/auth/command-line.schemas.ts',
  'src/auth/oauth.error.ts',
  'src/auth/org.admission.ts',
  'src/auth/rate-limited.decorator.ts',
  'src/auth/request.origin.ts',
  'src/auth/sessions.schemas.ts',
  'src/auth/token-exchange.schemas.ts',
  'src/session/claims.enricher.ts',
  'src/session/claims.module.ts',
  'src/session/key.authenticator.ts',
  'src/session/route.metadata.ts',
  'src/session/session.module.ts',
  'src/session/session.renewer.ts',
  'src/session/used.from.ts',
];

/** Files that decide something and have no place in the plan yet: their mutants have never been run. */
export const notMeasured = [
  'src/auth/account-facts.service.ts',
  'src/auth/account-ownership.service.ts',
  'src/auth/address.rights.ts',
  'src/auth/administrator.appointment.ts',
  'src/auth/application.admission.ts',
  'src/auth/flow.destination.ts',
  'src/auth/invite.link.ts',
  'src/auth/login.recorder.ts',
  'src/auth/mailbox.proof.ts',
  'src/auth/ory-discovery.controller.ts',
  'src/auth/provider.confirmation.ts',
  'src/auth/provider.grants.ts',
  'src/auth/sign-up.policy.ts',
  'src/session/access.refusal.ts',
  'src/session/scope.check.ts',
  'src/session/session.peek.ts',
  'src/session/verified.email.guard.ts',
];

/** Files whose mutants disturb each other, by what one start of the gateway or a counted call leaves behind: each has a process. */
export const apart = new Set(['src/auth/ory.bootstrap.ts', 'src/core/recent.digests.ts']);

/**
 * Tests that are left out: those that are slow because they do something thousands of times, and what a spec does a second
 * time on PostgreSQL.
 */
export const leftOut = [
  'on postgres',
  '10,000',
  'Redis that goes away',
  'a hundred',
  'a million',
  'in memory as it was sent',
  'log in at the same time',
  'its link works for the invited one',
  'strategy contract: ory',
];
