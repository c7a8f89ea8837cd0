import { exchangeGrantType, tokenTypes } from '../../session/tokens/token-types.js';

/** What another program must know to log users in here. */
export interface ProgramFacts {
  /** `PUBLIC_URL` + `/ory/hydra`, as ID tokens carry it. */
  readonly issuer: string;
  readonly discoveryUrl: string;
  readonly clientId: string;
  readonly redirectUri: string;
  /** Scopes, separated by spaces. */
  readonly scope: string;
}

/** A program whose settings are ready to copy. */
export interface Program {
  readonly id: ProgramId;
  readonly name: string;
  /** The version that the settings are for. */
  readonly version: string;
  /** Whether tests run that version with these settings. If not, they are from its documentation. */
  readonly isRun: boolean;
  /** The redirect URI that it uses, at an example host. */
  readonly redirectUri: string;
  /** Matches a redirect URI that can be this program's. */
  readonly callback: RegExp;
  /** Language of the settings, as a Markdown fence names it. */
  readonly language: 'sh' | 'ini' | 'toml' | 'go' | 'js';
  /** Whether it sends a PKCE challenge. Without one, each of its logins is refused. */
  readonly hasPkce: boolean;
  /** The settings to copy; `<secret>` stands for the secret. */
  readonly settings: (facts: ProgramFacts) => string;
}

export type ProgramId = 'gitea' | 'grafana' | 'nextcloud' | 'oauth2Proxy' | 'go' | 'express';

/** The addresses that clients of this deployment are given. */
export interface DeploymentAddresses extends Pick<ProgramFacts, 'issuer' | 'discoveryUrl'> {
  /** Where a token of the provider's is exchanged for one of the gateway's. */
  readonly exchangeUrl: string;
  /** `TOKEN_AUDIENCE`: the audience of the tokens that are exchanged. */
  readonly audience: string;
}

export function openIdAddresses({
  PUBLIC_URL,
  TOKEN_AUDIENCE,
}: {
  readonly PUBLIC_URL: string;
  readonly TOKEN_AUDIENCE: string;
}): DeploymentAddresses {
  return {
    issuer: `${PUBLIC_URL}/ory/hydra`,
    discoveryUrl: `${PUBLIC_URL}/.well-known/openid-configuration`,
    exchangeUrl: `${PUBLIC_URL}/auth/token`,
    audience: TOKEN_AUDIENCE,
  };
}

/** The two requests with which a machine gets a token of the gateway, to copy; `<secret>` stands for the secret. */
export function machineRequests({
  issuer,
  exchangeUrl,
  audience,
  clientId,
}: DeploymentAddresses & Pick<ProgramFacts, 'clientId'>): string {
  return `TOKEN=$(curl -s ${issuer}/oauth2/token -u '${clientId}:<secret>' \\
  -d grant_type=client_credentials -d 'audience=${audience}' |
  node -p 'JSON.parse(fs.readFileSync(0)).access_token')
curl -s ${exchangeUrl} -d grant_type=${exchangeGrantType} \\
  -d subject_token_type=${tokenTypes.accessToken} -d "subject_token=$TOKEN"`;
}

/** Of a program of one's own: it may use any path. */
const ownPath = /^/;

const isHttp = (url: string): boolean => url.startsWith('http:');

/** The programs, in the order in which they are shown. */
export const programs: readonly Program[] = [
  {
    id: 'gitea',
    name: 'Gitea',
    version: '1.27.3',
    isRun: false,
    redirectUri: 'https://gitea.example.org/user/oauth2/vestibule/callback',
    callback: /\/user\/oauth2\/[\w-]+\/callback$/,
    language: 'sh',
    hasPkce: false,
    // The name of the source is part of its redirect URI.
    settings: ({
      clientId,
      discoveryUrl,
      redirectUri,
      scope,
    }) => `gitea admin auth add-oauth --name ${redirectUri.split('/').at(-2)} --provider openidConnect \\
  --key '${clientId}' --secret '<secret>' \\
  --auto-discover-url '${discoveryUrl}' \\
  ${scopesBesidesOpenid(scope)
    .map((token) => `--scopes ${token}`)
    .join(' ')}`,
  },
  {
    id: 'grafana',
    name: 'Grafana',
    version: '13.2',
    isRun: false,
    redirectUri: 'https://grafana.example.org/login/generic_oauth',
    callback: /\/login\/generic_oauth$/,
    language: 'ini',
    hasPkce: true,
    settings: ({ clientId, issuer, scope }) => `[auth.generic_oauth]
enabled = true
name = Vestibule
client_id = ${clientId}
client_secret = <secret>
scopes = ${scope}
auth_url = ${issuer}/oauth2/auth
token_url = ${issuer}/oauth2/token
api_url = ${issuer}/userinfo
use_pkce = true`,
  },
  {
    id: 'nextcloud',
    name: 'Nextcloud (user_oidc)',
    version: '8.11',
    isRun: false,
    redirectUri: 'https://nextcloud.example.org/apps/user_oidc/code',
    callback: /\/apps\/user_oidc\/code$/,
    language: 'sh',
    hasPkce: true,
    settings: ({ clientId, discoveryUrl, scope }) => `php occ user_oidc:provider vestibule \\
  --clientid='${clientId}' --clientsecret='<secret>' \\
  --discoveryuri='${discoveryUrl}' \\
  --scope='${scope}'`,
  },
  {
    id: 'oauth2Proxy',
    name: 'oauth2-proxy',
    version: '7.15',
    isRun: true,
    redirectUri: 'https://app.example.org/oauth2/callback',
    callback: /\/oauth2\/callback$/,
    language: 'toml',
    hasPkce: true,
    settings: ({ clientId, issuer, redirectUri, scope }) => `provider = "oidc"
oidc_issuer_url = "${issuer}"
client_id = "${clientId}"
client_secret = "<secret>"
redirect_url = "${redirectUri}"
scope = "${scope}"
code_challenge_method = "S256"
email_domains = ["*"]`,
  },
  {
    id: 'go',
    name: 'Go (go-oidc)',
    version: '3',
    isRun: true,
    redirectUri: 'https://app.example.org/callback',
    callback: ownPath,
    language: 'go',
    hasPkce: true,
    settings: ({
      clientId,
      issuer,
      redirectUri,
      scope,
    }) => `// Imports: crypto/rand, log, net/http, os, github.com/coreos/go-oidc/v3/oidc, golang.org/x/oauth2
provider, err := oidc.NewProvider(ctx, "${issuer}")
if err != nil {
	log.Fatal(err)
}
config := oauth2.Config{
	ClientID:     "${clientId}",
	ClientSecret: os.Getenv("CLIENT_SECRET"),
	Endpoint:     provider.Endpoint(),
	RedirectURL:  "${redirectUri}",
	Scopes:       []string{${scope
    .split(' ')
    .map((token) => `"${token}"`)
    .join(', ')}},
}
idTokens := provider.Verifier(&oidc.Config{ClientID: config.ClientID})

// To log a user in. Keep state and verifier in their session.
state, verifier := rand.Text(), oauth2.GenerateVerifier()
url := config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier))

// At the redirect URI, once the state is the one in the session.
token, err := config.Exchange(ctx, request.FormValue("code"), oauth2.VerifierOption(verifier))
if err != nil {
	// Not allowed, or a page that was loaded twice: request.FormValue("error_description") says which.
	http.Error(response, "The login failed.", http.StatusBadRequest)
	return
}
raw, _ := token.Extra("id_token").(string)
idToken, err := idTokens.Verify(ctx, raw)
if err != nil {
	http.Error(response, "The login failed.", http.StatusBadRequest)
	return
}`,
  },
  {
    id: 'express',
    name: 'Express (openid-client)',
    version: '6',
    isRun: true,
    redirectUri: 'https://app.example.org/callback',
    callback: ownPath,
    language: 'js',
    hasPkce: true,
    settings: ({ clientId, issuer, redirectUri, scope }) => `import * as client from 'openid-client';

const redirectUri = ${quoted(redirectUri)};
const config = await client.discovery(
  new URL('${issuer}'),
  '${clientId}',
  process.env.CLIENT_SECRET,${
    isHttp(issuer) ? '\n  undefined,\n  { execute: [client.allowInsecureRequests] },' : ''
  }
);

app.get('/login', async (request, response) => {
  const [state, verifier] = [client.randomState(), client.randomPKCECodeVerifier()];
  Object.assign(request.session, { state, verifier });
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: '${scope}',
    state,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  response.redirect(url.href);
});

app.get(new URL(redirectUri).pathname, async (request, response) => {
  const { state, verifier } = request.session;
  const url = new URL(request.originalUrl, redirectUri);
  try {
    const tokens = await client.authorizationCodeGrant(config, url, {
      expectedState: state,
      pkceCodeVerifier: verifier,
    });
    request.session.user = tokens.claims();
    response.redirect('/');
  } catch (error) {
    // Not allowed, or a page that was loaded twice: error.error_description says which.
    console.error(error);
    response.status(400).type('text').send('The login failed.');
  }
});`,
  },
];

/**
 * The redirect URI that a program uses: the first registered one that can be its, else an example.
 * @param registered redirect URIs of an application.
 */
export function redirectUriOf({ redirectUri, callback }: Program, registered: readonly string[]): string {
  return registered.find((uri) => callback.test(uri)) ?? redirectUri;
}

/** Gitea asks for `openid` by itself. */
function scopesBesidesOpenid(scope: string): string[] {
  return scope.split(' ').filter((token) => token !== 'openid');
}

/** A string of JavaScript. A redirect URI can have an apostrophe, which must not end it. */
function quoted(text: string): string {
  return text.includes("'") ? JSON.stringify(text) : `'${text}'`;
}
