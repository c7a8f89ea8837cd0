// What the OpenID Foundation's conformance suite is told: the plans, the two applications, and what its browser does on the gateway's pages.

const discovery = { server_metadata: 'discovery', client_registration: 'static_client' };
const logout = { client_registration: 'static_client', response_type: 'code' };

const signals = { ssf_server_metadata: 'discovery', ssf_auth_mode: 'static' };

/** Plans, each with its variant. */
export const plans = [
  ['oidcc-config-certification-test-plan', {}],
  ['oidcc-basic-certification-test-plan', discovery],
  ['oidcc-formpost-basic-certification-test-plan', discovery],
  ['oidcc-rp-initiated-logout-certification-test-plan', logout],
  ['oidcc-backchannel-rp-initiated-logout-certification-test-plan', logout],
  ['openid-ssf-transmitter-caep-test-plan', { ...signals, ssf_delivery_mode: 'poll' }],
  ['openid-ssf-transmitter-caep-test-plan', { ...signals, ssf_delivery_mode: 'push' }],
];

/**
 * An application of the suite, as `POST /api/v1/applications` takes it.
 * @param {(path: string) => string} at its addresses.
 * @param {object} own what is its own.
 */
function applicationOf(at, own) {
  return {
    kind: 'web',
    redirectUris: [at('callback')],
    postLogoutRedirectUris: [at('post_logout_redirect')],
    scope: 'openid profile email',
    firstParty: true,
    // The plans for the code flow send no PKCE, and one of their modules no nonce.
    codeProtection: 'none',
    ...own,
  };
}

/**
 * Its applications, by what is their own. Those with refresh tokens are for one module alone: logins of others must be silent
 * (`prompt=none`). So is the one that is told of logouts: other modules take that for an error.
 * @param {string} suite URL of the suite.
 * @param {string} alias part of their addresses there.
 */
export function applicationsOf(suite, alias) {
  const at = (path) => `${suite}/test/a/${alias}/${path}`;
  const kept = { scope: 'openid profile email offline_access' };
  const own = {
    client: { name: 'First' },
    client2: { name: 'Second' },
    kept: { name: 'First, kept logged in', ...kept },
    kept2: { name: 'Second, kept logged in', ...kept },
    told: { name: 'Told of logouts', backchannelLogoutUri: at('backchannel_logout') },
    post: { name: 'By form', tokenEndpointAuthMethod: 'client_secret_post' },
  };
  return Object.fromEntries(Object.entries(own).map(([name, its]) => [name, applicationOf(at, its)]));
}

/**
 * The configuration of every plan.
 * @param {string} gateway its PUBLIC_URL.
 * @param {{ email: string; password: string }} user who logs in.
 * @param {Record<string, { client_id: string; client_secret: string }>} clients by the names of {@link applicationsOf}.
 * @param {{ alias: string; key: string }} own the alias, and an API key of an administrator.
 */
export function configurationOf(gateway, user, clients, { alias, key }) {
  const { client, client2, kept, kept2, told, post } = clients;
  const browser = browserOf(gateway, user);
  return {
    alias,
    description: 'Vestibule',
    server: { discoveryUrl: `${gateway}/ory/hydra/.well-known/openid-configuration` },
    client,
    client2,
    client_secret_post: post,
    ssf: { transmitter: { issuer: gateway, access_token: key } },
    browser: [browser.login(), browser.logout(browser.back)],
    override: {
      ...each(['oidcc-prompt-login', 'oidcc-max-age-1'], { browser: [browser.login('Log in')] }),
      'oidcc-refresh-token': { client: kept, client2: kept2 },
      'oidcc-backchannel-rp-initiated-logout': { client: told },
      ...each(['oidcc-ensure-registered-redirect-uri', 'oidcc-ensure-request-object-with-redirect-uri'], {
        browser: [browser.refusal('/ory/hydra/oauth2/auth*')],
      }),
      ...each(
        [
          'bad-post-logout-redirect-uri',
          'query-added-to-post-logout-redirect-uri',
          'modified-id-token-hint',
          'bad-id-token-hint',
          'no-id-token-hint',
        ].map((name) => `oidcc-rp-initiated-logout-${name}`),
        { browser: [browser.login(), browser.refusal('/ory/hydra/oauth2/sessions/logout*')] },
      ),
      ...each(
        ['no-params', 'no-post-logout-redirect-uri', 'only-state'].map(
          (name) => `oidcc-rp-initiated-logout-${name}`,
        ),
        { browser: [browser.login(), browser.logout(browser.stays)] },
      ),
    },
  };
}

const each = (names, value) => Object.fromEntries(names.map((name) => [name, value]));

/** What the suite's browser does, in its own notation. */
function browserOf(gateway, { email, password }) {
  const picture = (words, kind) => ['wait', 'xpath', '//*', 10, words, kind];
  const pressed = {
    task: 'Go on without scripts',
    optional: true,
    match: `${gateway}/*`,
    commands: [['click', 'css', 'form button', 'optional']],
  };
  return {
    /** Logs in where it is asked, and comes back to the suite. @param {string} [seen] words of the login page, to be kept as a picture. */
    login: (seen) => ({
      match: `${gateway}/ory/hydra/oauth2/auth*`,
      tasks: [
        {
          task: 'Log in',
          optional: true,
          match: `${gateway}/ui/login*`,
          commands: [
            ...(seen === undefined ? [] : [picture(seen, 'update-image-placeholder-optional')]),
            ['text', 'css', 'input[name=identifier]:not([type=hidden])', email, 'optional'],
            ['text', 'name', 'password', password],
            ['click', 'css', 'button[name=method][value=password]'],
          ],
        },
        pressed,
        {
          task: 'Be back',
          match: '*/test/*/callback*',
          commands: [['wait', 'id', 'submission_complete', 10]],
        },
      ],
    }),
    /** Confirms the logout. @param {object} last the task after that. */
    logout: (last) => ({
      match: `${gateway}/ory/hydra/oauth2/sessions/logout*`,
      tasks: [
        {
          task: 'Confirm the logout',
          optional: true,
          match: `${gateway}/ui/logout*`,
          commands: [['click', 'css', 'button[name=decision][value=logout]']],
        },
        last,
      ],
    }),
    back: { task: 'Be back', match: '*/test/*/post_logout_redirect*' },
    stays: {
      task: 'Be logged out',
      match: `${gateway}/*`,
      commands: [picture('.', 'update-image-placeholder')],
    },
    /** Stays on a page of the gateway's. */
    refusal: (path) => ({
      match: gateway + path,
      tasks: [
        { task: 'Be refused', match: `${gateway}/*`, commands: [picture('.', 'update-image-placeholder')] },
      ],
    }),
  };
}
