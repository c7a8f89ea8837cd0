/** A case of an OpenID certification profile, or of Shared Signals, under the name that the conformance suite of the OpenID Foundation has for it. */
export interface OpenidCase {
  readonly id: string;
  /** What it checks. */
  readonly what: string;
  /** What differs from the suite, or why it isn't run. */
  readonly note?: string;
  /** Whether a test of ours runs it. */
  readonly isRun: boolean;
}

const run = (id: string, what: string, note?: string): OpenidCase => ({
  id,
  what,
  isRun: true,
  ...(note === undefined ? {} : { note }),
});
const notRun = (id: string, what: string, note: string): OpenidCase => ({ id, what, note, isRun: false });

const requestObjects =
  'request objects are refused: the application gets the error for it, and the metadata states so';
const noRegistration = 'clients are registered by an administrator';

/** The cases, by profile. */
export const openidCases: Readonly<Record<string, readonly OpenidCase[]>> = {
  'Basic OP': [
    run('oidcc-server', 'a login by the code flow'),
    run('oidcc-idtoken-signature', 'the ID token is signed with a published key'),
    notRun('oidcc-idtoken-unsigned', 'an unsigned ID token', 'every ID token is signed with RS256'),
    run(
      'oidcc-alternate-happy-flow',
      'the same login by another client',
      'each library has a client of its own',
    ),
    run('oidcc-response-type-missing', 'a request without `response_type`'),
    run('oidcc-ensure-request-without-nonce-succeeds-for-code-flow', 'a request without `nonce`'),
    run(
      'oidcc-ensure-request-with-valid-pkce-succeeds',
      'PKCE with S256',
      'every login of both libraries uses it',
    ),
    run('oidcc-ensure-request-with-unknown-parameter-succeeds', 'an unknown parameter is ignored'),
    run('oidcc-ensure-post-request-succeeds', 'a posted request'),
    run('oidcc-ensure-registered-redirect-uri', 'a redirect URI that is not registered'),
    run('oidcc-userinfo-get', '`userinfo` by GET'),
    run('oidcc-userinfo-post-header', '`userinfo` by POST, token in the header'),
    run('oidcc-userinfo-post-body', '`userinfo` by POST, token in the form'),
    run('oidcc-scope-profile', 'claims of `profile`', '`name` and `picture`, where the user has them'),
    run('oidcc-scope-email', 'claims of `email`'),
    notRun('oidcc-scope-address', 'claims of `address`', 'no postal addresses are stored'),
    notRun('oidcc-scope-phone', 'claims of `phone`', 'no phone numbers are stored'),
    run('oidcc-scope-all', 'all scopes at once', 'those that the metadata names'),
    run('oidcc-ensure-other-scope-order-succeeds', 'the scopes in another order'),
    run('oidcc-claims-essential', 'an essential claim', 'ignored: `claims_parameter_supported` is false'),
    run('oidcc-display-page', '`display=page`'),
    run('oidcc-display-popup', '`display=popup`'),
    run('oidcc-prompt-login', '`prompt=login` asks for the password again'),
    run('oidcc-prompt-none-not-logged-in', '`prompt=none` without a login: `login_required`'),
    run(
      'oidcc-prompt-none-logged-in',
      '`prompt=none` with a login',
      'an application with refresh tokens gets `consent_required`: no consent of theirs is remembered',
    ),
    run('oidcc-max-age-1', '`max_age=1` asks for the password again'),
    run('oidcc-max-age-10000', '`max_age=10000` asks for nothing'),
    run('oidcc-id-token-hint', '`id_token_hint` with `prompt=none`'),
    run('oidcc-login-hint', '`login_hint`'),
    run('oidcc-ui-locales', '`ui_locales`'),
    run('oidcc-claims-locales', '`claims_locales`'),
    run('oidcc-ensure-request-with-acr-values-succeeds', '`acr_values`'),
    run('oidcc-codereuse', 'a code is used twice', 'the tokens of its first use end too'),
    notRun(
      'oidcc-codereuse-30seconds',
      'the same after 30 seconds',
      'Hydra marks a used code at once; the tests never sleep',
    ),
    run('oidcc-server-client-secret-post', 'the client authenticates in the form'),
    run('oidcc-refresh-token', 'a refresh token, which rotates'),
    run(
      'oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported',
      'an unsigned request object',
      requestObjects,
    ),
    run(
      'oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported',
      '`request_uri`',
      requestObjects,
    ),
    run(
      'oidcc-ensure-request-object-with-redirect-uri',
      'a redirect URI in a request object',
      'a wrong one beside it ends on a page',
    ),
  ],
  'Config OP': [run('oidcc-discovery-endpoint-verification', 'the metadata')],
  'Dynamic OP': [
    run('oidcc-server-rotate-keys', 'logins go on after the keys have rotated'),
    notRun('oidcc-registration-*', 'dynamic client registration', noRegistration),
    notRun('oidcc-redirect-uri-*', 'redirect URIs of registered clients', noRegistration),
    notRun('oidcc-userinfo-rs256', 'signed `userinfo`', 'tested with jose in application-claims.spec.ts'),
  ],
  'Form Post OP': [
    notRun(
      'oidcc-formpost-basic-certification-test-plan',
      'the basic profile with `response_mode=form_post`',
      'one login is run with openid-client in Chromium (relying-party.spec.ts); the other cases are not repeated',
    ),
  ],
  'RP-Initiated Logout OP': [
    run('oidcc-rp-initiated-logout-discovery-endpoint-verification', 'the metadata'),
    run('oidcc-rp-initiated-logout', 'the browser returns with `state`, logged out'),
    run('oidcc-rp-initiated-logout-no-state', 'without `state`'),
    run('oidcc-rp-initiated-logout-bad-post-logout-redirect-uri', 'an address that is not registered'),
    run(
      'oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri',
      'a registered address with a query',
    ),
    run('oidcc-rp-initiated-logout-modified-id-token-hint', 'a hint with `alg: none`'),
    run('oidcc-rp-initiated-logout-bad-id-token-hint', 'a hint with a bad signature'),
    run('oidcc-rp-initiated-logout-no-id-token-hint', 'no hint'),
    run('oidcc-rp-initiated-logout-no-params', 'no parameters'),
    run('oidcc-rp-initiated-logout-only-state', 'only `state`'),
    run('oidcc-rp-initiated-logout-no-post-logout-redirect-uri', 'no address to go on to'),
  ],
  'Back-Channel Logout OP': [
    run('oidcc-backchannel-logout-discovery-endpoint-verification', 'the metadata'),
    run('oidcc-backchannel-rp-initiated-logout', 'a logout token reaches every application of the login'),
  ],
  'Other OpenID Connect profiles': [
    notRun(
      'oidcc-frontchannel-rp-initiated-logout',
      'front-channel logout',
      'not supported: its page needs frames',
    ),
    notRun('oidcc-session-management-rp-initiated-logout', 'session management', 'not supported by Hydra'),
    notRun(
      'oidcc-3rd_party-init-login',
      'a login that a third party begins',
      'a matter of the application alone',
    ),
    notRun(
      'implicit and hybrid flows',
      'tokens in the front channel',
      'every application uses the code flow',
    ),
  ],
  'SSF transmitter with CAEP interoperability': [
    run('openid-ssf-transmitter-metadata', 'the metadata, and the keys'),
    run('openid-ssf-stream-control-error-read-stream-without-token', 'no token: 401 with a bare challenge'),
    run('openid-ssf-stream-control-error-token-in-uri-query', 'a token in the query is refused'),
    run(
      'openid-ssf-stream-control-error-create-stream-with-read-only-token',
      'a token without the scope creates none',
      'one scope opens all routes of streams, `revocations:read`; there is no `ssf.read` and no `ssf.manage`',
    ),
    run(
      'openid-ssf-stream-control-error-read-stream-status-with-invalid-token',
      'the status, with an invalid token',
    ),
    run('openid-ssf-stream-control-error-read-status-of-unknown-stream', 'the status of an unknown stream'),
    run(
      'openid-ssf-transmitter-stream-verification-error-invalid-body',
      'a verification that can’t be parsed',
    ),
    run(
      'openid-ssf-transmitter-stream-verification-error-invalid-token',
      'a verification with an invalid token',
    ),
    run(
      'openid-ssf-transmitter-stream-verification-error-unknown-stream',
      'a verification of an unknown stream',
    ),
    run('openid-ssf-transmitter-poll-endpoint-authorization', 'polls without a valid token'),
    run('openid-ssf-stream-control-create-stream-without-delivery', 'a stream is polled by default'),
    run(
      'openid-ssf-transmitter-poll-endpoint-url-unique-per-stream',
      'each stream has an address of its own for polls',
    ),
    run('openid-ssf-transmitter-stream-verification-long-poll', 'a poll that may wait'),
    run(
      'openid-ssf-stream-control-happy-path',
      'a stream from begin to end',
      'with the changes, which the profile for CAEP leaves out',
    ),
    run('openid-ssf-stream-control-error-create-stream-with-broken-input', 'a stream that can’t be parsed'),
    run('openid-ssf-stream-control-error-create-stream-with-invalid-token', 'an invalid token creates none'),
    run(
      'openid-ssf-stream-control-error-create-stream-with-duplicate-config',
      'a second stream of the same receiver',
      'it gets one; 20 are the most',
    ),
    run('openid-ssf-stream-control-error-read-stream-with-invalid-token', 'an invalid token reads none'),
    run('openid-ssf-stream-control-error-read-unknown-stream', 'an unknown stream'),
    run('openid-ssf-stream-control-error-delete-stream-with-invalid-token', 'an invalid token deletes none'),
    run('openid-ssf-stream-control-error-delete-unknown-stream', 'the end of an unknown stream'),
    run('openid-ssf-transmitter-stream-verification-push', 'a verification is pushed'),
    run('openid-ssf-transmitter-stream-verification-poll-only', 'a verification is polled'),
    run('openid-ssf-transmitter-stream-verification-poll-and-ack', 'one poll takes and acknowledges'),
    run('openid-ssf-transmitter-stream-verification-ack-only', 'a poll acknowledges alone'),
    run('openid-ssf-transmitter-stream-verification-set-errs', 'a poll reports an error'),
    run('openid-ssf-transmitter-stream-verification-error-push-no-auth', 'a push without a secret'),
    run(
      'openid-ssf-transmitter-stream-caep-interop',
      '`session-revoked` and `credential-change`, signed with RS256',
      'subjects are complex, because a session can’t be named otherwise, and keys are of the type `api-key`: the suite warns of both',
    ),
  ],
  'SSF transmitter, outside the profile for CAEP': [
    run('openid-ssf-stream-control-error-update-stream-with-invalid-token', 'an invalid token changes none'),
    run('openid-ssf-stream-control-error-update-stream-with-invalid-body', 'a change that can’t be parsed'),
    run('openid-ssf-stream-control-error-update-unknown-stream', 'a change of an unknown stream'),
    run(
      'openid-ssf-stream-control-error-replace-stream-with-invalid-body',
      'a replacement that can’t be parsed',
    ),
    run(
      'openid-ssf-stream-control-error-replace-stream-with-invalid-token',
      'an invalid token replaces none',
    ),
    run('openid-ssf-stream-control-error-replace-unknown-stream', 'a replacement of an unknown stream'),
    notRun(
      'openid-ssf-stream-subject-control',
      'subjects are added and removed',
      'a stream is told of all; the suite skips the module for a transmitter without the endpoints',
    ),
    run('openid-ssf-transmitter-paused-stream-holds-events', 'a paused stream holds its events'),
    run('openid-ssf-transmitter-disabled-stream-drops-events', 'a disabled stream drops its events'),
  ],
  'FAPI 2.0 Security Profile': [
    notRun(
      'fapi2-security-profile-final-test-plan',
      'the whole profile',
      'it isn’t met as a whole; [fapi.md](fapi.md) says point by point what holds, and in which test',
    ),
  ],
};
