import { readdirSync } from 'node:fs';
import { basename } from 'node:path';

// Which specs the mutants of a file are run against, the strongest first. They start the application in their own process.
const contract = within('test/contract');
const strategy = within('test/contract/strategy');
const session = within('src/session');
const e2e = within('test/e2e');
const organisations = 'src/features/organisations/test/orgs.spec.ts';
const users = 'src/features/user-administration/test/users.spec.ts';
const userAccess = 'src/features/user-administration/test/user-access.spec.ts';
const tokenExchange = 'src/features/token-exchange/test/token-exchange.spec.ts';
const verifications = 'src/features/metrics/test/verification-metrics.spec.ts';
const commandLineLogin = 'src/features/command-line/test/command-line-login.spec.ts';

/** Finds specs of a folder by their names, or else those of the folders in it. */
function within(folder) {
  const all = readdirSync(new URL(`../${folder}`, import.meta.url), { recursive: true });
  all.sort((a, b) => a.split('/').length - b.split('/').length);
  return (...names) =>
    names.map((name) => `${folder}/${all.find((path) => basename(path) === `${name}.spec.ts`)}`);
}

/** File → specs that its mutants are run against. */
export const plan = {
  'src/session/tokens/token.service.ts': [
    ...session('token.service'),
    ...contract('bearer-claims', 'bearer-header', 'bearer-encoding'),
    tokenExchange,
    ...session('signing-key-rotation'),
  ],
  'src/session/tokens/verified-token.cache.ts': [
    ...session('verified-token.cache'),
    ...contract('session-life', 'renewal-ahead'),
  ],
  'src/session/guards/request-authenticator.ts': [
    ...contract('api-key-guard'),
    ...session('request-authenticator'),
    ...contract('session-cookie', 'renewal-ahead', 'bearer-encoding'),
    tokenExchange,
    ...contract('log-lines'),
    verifications,
  ],
  'src/session/guards/session.guard.ts': [
    ...contract('access-decorators', 'rate-limits', 'route-guards'),
    verifications,
  ],
  'src/session/guards/access.guard.ts': contract('access-decorators', 'api-key-guard', 'route-guards'),
  'src/session/guards/step-up.guard.ts': [...session('step-up.guard'), ...contract('route-guards')],
  'src/session/revocation/revocation-list.ts': [
    ...session('revocation-list', 'verified-token.cache'),
    tokenExchange,
  ],
  'src/session/cookie/session-cookie.ts': [
    ...contract('session-cookie', 'session-set-cookie', 'session-limit'),
    ...session('session-cookie'),
  ],
  'src/session/cookie/decrypted-cookie.ts': session('decrypted-cookie'),
  'src/session/cookie/cookie-cipher.ts': [...session('cookie-cipher'), ...contract('session-cookie')],
  'src/session/session.service.ts': [
    ...session('session-start'),
    ...contract('session-life', 'sessions-list', 'me', 'session-limit', 'renewal-ahead'),
  ],
  'src/session/revocation/revocation.service.ts': [
    ...session('revocation.service'),
    ...contract('session-life'),
  ],
  'src/session/revocation/revocation-feed.ts': session('revocation.service'),
  'src/session/revocation/revocation.repository.ts': session('revocation.service'),
  'src/session/tokens/signing-key-ring.ts': session('signing-key-ring', 'signing-key-rotation'),
  'src/session/tokens/signing-key-rotation.ts': session('signing-key-rotation'),
  'src/session/tokens/signing-key.repository.ts': session('signing-key-rotation', 'signing-key-ring'),
  'src/session/store/session.repository.ts': [
    ...session('session.repository'),
    ...contract('session-life', 'sessions-list', 'backchannel-logout'),
    ...session('session-start'),
  ],
  'src/session/store/session-janitor.ts': session('session.repository'),
  'src/session/store/used-token.repository.ts': [...contract('backchannel-logout'), tokenExchange],
  'src/session/session-minter.ts': [
    ...contract('session-life', 'claims-enricher', 'session-limit'),
    tokenExchange,
  ],
  'src/session/tokens/claims.mapper.ts': [...session('claims.mapper'), ...strategy('access-token')],
  'src/session/tokens/account-claims.ts': [
    ...contract('me'),
    organisations,
    ...contract('renewal-ahead', 'session-life'),
    tokenExchange,
  ],
  'src/session/guards/scopes.ts': [
    ...contract('api-keys', 'access-decorators'),
    tokenExchange,
    ...session('scopes'),
  ],
  'src/platform/hot-path/tiny-lfu-doorkeeper.ts': ['src/platform/hot-path/tiny-lfu-doorkeeper.spec.ts'],
  'src/platform/crypto/recent-digests.ts': ['src/platform/crypto/alone/recent-digests.spec.ts'],
  'src/platform/crypto/purpose-cipher.ts': [
    'src/platform/crypto/purpose-cipher.spec.ts',
    ...contract('session-cookie'),
  ],
  'src/login/session-renewal.ts': [
    'src/login/session-renewal.spec.ts',
    ...contract('renewal-ahead', 'session-life'),
  ],
  'src/login/backchannel-logout.service.ts': contract('backchannel-logout'),
  'src/features/token-exchange/token-exchange.service.ts': [tokenExchange],
  'src/features/token-exchange/subject-token-resolver.ts': [tokenExchange],
  'src/login/login-transaction.ts': ['src/login/login-transaction.spec.ts'],
  'src/session/guards/rate-limit.guard.ts': contract('rate-limits', 'route-guards'),
  'src/login/backchannel-logout.controller.ts': contract('backchannel-logout'),
  'src/features/token-exchange/token-exchange.controller.ts': [
    ...contract('rate-limits'),
    tokenExchange,
    commandLineLogin,
  ],
  'src/features/token-exchange/actor-chain.ts': [
    'src/features/token-exchange/actor-chain.spec.ts',
    tokenExchange,
  ],
  'src/login/service-clients.service.ts': [
    tokenExchange,
    'src/features/token-exchange/test/extended/service-clients.spec.ts',
  ],
  'src/login/auth.controller.ts': [
    ...contract('logout-answers', 'session-life', 'session-cookie', 'session-set-cookie', 'session-limit'),
    ...strategy('access-token', 'logout'),
    ...e2e('invites'),
  ],
  'src/login/browser-login.controller.ts': [
    ...strategy('browser-login', 'invites', 'step-up', 'login-answer', 'provider-faults'),
    ...contract('session-set-cookie'),
    ...e2e('login-state', 'parallel-logins'),
  ],
  'src/auth-strategy/step-up-requirement.ts': [
    'src/auth-strategy/step-up-requirement.spec.ts',
    ...strategy('step-up'),
  ],
  'src/accounts/sessions/device-name.ts': ['src/accounts/sessions/device-name.spec.ts'],
  'src/accounts/sessions/sessions.controller.ts': contract('sessions-list'),
  'src/accounts/sessions/account-sessions.service.ts': [...contract('sessions-list'), users, userAccess],
  'src/accounts/account-lifecycle.service.ts': [users, userAccess, ...contract('me')],
  'src/features/user-administration/account-recovery.service.ts': [userAccess],
  'src/accounts/profile.service.ts': [...contract('me'), users],
  'src/login/user-provisioning.ts': [
    ...strategy('browser-login', 'invites', 'moving'),
    'src/features/organisations/test/my-invites.spec.ts',
  ],
  'src/features/command-line/command-line-login.service.ts': [commandLineLogin],
  'src/features/command-line/command-line-grant.ts': [commandLineLogin],
  'src/features/command-line/authorization-code.repository.ts': [commandLineLogin],
  'src/session/discovery/well-known.controller.ts': contract(
    'open-routes',
    'openapi',
    'providers',
    'signing-keys',
  ),
  'src/providers/ory/ory.strategy.ts': [
    'src/providers/ory/ory.strategy.spec.ts',
    'src/providers/ory/ory-sessions.spec.ts',
  ],
  'src/providers/oidc/openid.strategy.ts': [
    ...contract('providers', 'backchannel-logout'),
    ...strategy('access-token', 'browser-login', 'step-up'),
  ],
  'src/providers/auth0/auth0.strategy.ts': [
    ...strategy('auth0-answers', 'browser-login', 'logout', 'step-up', 'login-answer'),
    ...contract('auth0-simulator'),
  ],
  'src/providers/oidc/oidc.strategy.ts': [
    ...strategy('browser-login', 'logout', 'step-up', 'login-answer'),
    ...contract('logout-answers'),
  ],
  'src/session/guards/access.decorators.ts': contract('access-decorators'),
  'src/session/guards/step-up.decorators.ts': session('step-up.guard'),
  'src/session/principal.ts': [...contract('access-decorators', 'me'), tokenExchange],
  'src/session/tokens/claims.schema.ts': [
    ...session('claims.schema', 'token.service'),
    ...contract('bearer-claims'),
  ],
  'src/accounts/actor-context.ts': [users, ...contract('audit-events', 'me')],
  'src/auth-strategy/provider-logout.ts': [...contract('logout-answers'), ...strategy('logout')],
  'src/providers/auth-strategy.provider.ts': [
    ...contract('providers'),
    ...strategy('auth0-answers', 'browser-login', 'access-token'),
  ],
  'src/providers/ory/challenges/ory-login.controller.ts': e2e(
    'login-challenge',
    'step-up',
    'kratos-session-ended',
    'backchannel-logout',
  ),
  'src/providers/ory/ory-bootstrap.ts': e2e('ory-bootstrap'),
  'src/providers/ory/challenges/ory-challenge.ts': e2e('challenge-binding', 'application-logout'),
  'src/providers/ory/challenges/ory-consent.controller.ts': e2e('consent', 'challenge-binding'),
  'src/providers/ory/challenges/ory-consent.service.ts': e2e(
    'consent',
    'login-challenge',
    'kratos-session-ended',
    'backchannel-logout',
  ),
  'src/providers/ory/challenges/ory-logout.controller.ts': e2e('application-logout', 'challenge-binding'),
  'src/providers/oidc/logout-token.ts': [
    'src/providers/oidc/logout-token.spec.ts',
    ...contract('backchannel-logout'),
  ],
  'src/api-keys/api-key-authenticator.ts': [...contract('api-key-guard', 'api-keys'), tokenExchange],
};

/** Files of the wings below without a decision: modules, ports, shapes of forms and answers, what is remembered of a route. */
export const withoutDecision = [
  'src/accounts/administrators.module.ts',
  'src/accounts/accounts.module.ts',
  'src/login/login.module.ts',
  'src/login/auth.schemas.ts',
  'src/auth-strategy/application-administration.ts',
  'src/auth-strategy/auth.strategy.ts',
  'src/features/command-line/command-line.schemas.ts',
  'src/session/tokens/oauth.error.ts',
  'src/session/tokens/token-endpoint.module.ts',
  'src/features/token-exchange/token-exchange.module.ts',
  'src/accounts/domain-auto-join.ts',
  'src/accounts/invites.ts',
  'src/accounts/org-auto-join.port.ts',
  'src/providers/ory/ory.module.ts',
  'src/providers/part-factories.ts',
  'src/providers/providers.module.ts',
  'src/session/guards/rate-limited.decorators.ts',
  'src/accounts/sessions/sessions.schemas.ts',
  'src/features/token-exchange/token-exchange.schemas.ts',
  'src/session/tokens/claims-enricher.ts',
  'src/session/tokens/claims.module.ts',
  'src/session/guards/caller.decorators.ts',
  'src/session/guards/key-authenticator.ts',
  'src/session/guards/route-metadata.ts',
  'src/session/session.module.ts',
  'src/session/session-renewer.ts',
  'src/features/command-line/authorization-code.schema.ts',
  'src/features/command-line/command-line.feature.ts',
  'src/features/command-line/command-line.module.ts',
  'src/features/revocation-stream/revocation-stream.feature.ts',
  'src/features/revocation-stream/revocation-stream.module.ts',
  'src/features/command-line/command-line-texts.ts',
  'src/features/second-factor/second-factor-texts.ts',
  'src/features/second-factor/second-factor.feature.ts',
  'src/features/second-factor/second-factor.module.ts',
  'src/features/second-factor/second-factor.settings.ts',
  'src/features/token-exchange/token-exchange-audit-events.ts',
  'src/features/token-exchange/token-exchange.feature.ts',
  'src/session/discovery/discovery.module.ts',
  'src/session/tokens/token-types.ts',
];

/** Files that decide something and have no place in the plan yet: their mutants have never been run. */
export const notMeasured = [
  'src/accounts/account-provisioning.ts',
  'src/accounts/user-names.ts',
  'src/session/store/provider-ends.ts',
  'src/session/revocation/revocation-janitor.ts',
  'src/session/vouching.query.ts',
  'src/accounts/account-facts.service.ts',
  'src/accounts/account-ownership.service.ts',
  'src/accounts/address-rights.ts',
  'src/accounts/administrator-appointment.ts',
  'src/providers/ory/challenges/application-admission.ts',
  'src/providers/ory/challenges/flow-destination.ts',
  'src/providers/ory/challenges/session-question.controller.ts',
  'src/accounts/invite-link.ts',
  'src/accounts/provider-access.ts',
  'src/accounts/provider-logout.repository.ts',
  'src/accounts/provider-logouts.ts',
  'src/accounts/recovery-code.repository.ts',
  'src/login/login-recorder.ts',
  'src/login/login.service.ts',
  'src/login/login-starter.ts',
  'src/providers/ory/challenges/ory-discovery.controller.ts',
  'src/providers/ory/ory-api.ts',
  'src/login/own-session.service.ts',
  'src/login/provider-confirmation.ts',
  'src/accounts/sign-up.policy.ts',
  'src/accounts/sign-up-rule.ts',
  'src/session/guards/api-route.ts',
  'src/session/guards/authorization.ts',
  'src/session/store/grant-uses.ts',
  'src/session/store/provider-grants.ts',
  'src/session/session-peek.ts',
  'src/session/guards/route.guard.ts',
  'src/session/guards/verified-email.guard.ts',
  'src/session/discovery/authorization-server.ts',
  'src/features/second-factor/second-factor.controller.ts',
  'src/features/second-factor/second-factor.policy.ts',
  'src/features/revocation-stream/revocation-subscribers.ts',
  'src/features/revocation-stream/revocations.controller.ts',
  'src/features/revocation-stream/revocation-stream.ts',
  'src/session/guards/access.query.ts',
  'src/session/guards/login-challenge.ts',
  'src/login/logout-answer.ts',
  'src/auth-strategy/application-name.ts',
  'src/auth-strategy/public-keys.ts',
  'src/auth-strategy/redirect-uri.ts',
  'src/auth-strategy/registration-size.ts',
  'src/auth-strategy/reserved-names.ts',
  'src/session/revocation/credential-life.ts',
  'src/session/tokens/token-grants.ts',
  'src/session/tokens/proofs-of-possession.ts',
  'src/session/discovery/published-keys.ts',
  'src/session/tokens/foreign-tokens.ts',
  'src/features/command-line/command-line.controller.ts',
  'src/features/command-line/command-line-device.controller.ts',
  'src/features/command-line/command-line-devices.ts',
  'src/features/command-line/command-line-keys.ts',
  'src/providers/ory/challenges/application-claims.ts',
];

/** Files whose mutants disturb each other, by what one start of the gateway or a counted call leaves behind: each has a process. */
export const apart = new Set(['src/providers/ory/ory-bootstrap.ts', 'src/platform/crypto/recent-digests.ts']);

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
