/** The methods and the exact path of a route that browsers may reach; the path follows the `/ory/…` prefix. */
export interface ExposedRoute {
  readonly methods: readonly string[];
  readonly path: RegExp;
}

const read = ['GET', 'HEAD'] as const;
const submit = ['GET', 'HEAD', 'POST'] as const;

/**
 * Kratos' browser-facing endpoints. Paths that aren't listed don't exist: no admin API, no API flows for native apps. The
 * patterns contain no `%`, `//` or `..`, so no encoding reaches anything else.
 */
export const kratosRoutes: readonly ExposedRoute[] = [
  { methods: read, path: /^\/self-service\/(?:login|registration|recovery|verification|settings)\/browser$/ },
  { methods: submit, path: /^\/self-service\/(?:login|registration|recovery|verification|settings)$/ },
  { methods: read, path: /^\/self-service\/(?:login|registration|recovery|verification|settings)\/flows$/ },
  { methods: read, path: /^\/self-service\/logout(?:\/browser)?$/ },
  { methods: read, path: /^\/self-service\/errors$/ },
  { methods: submit, path: /^\/self-service\/methods\/oidc\/callback(?:\/[\w-]+)?$/ },
  { methods: read, path: /^\/sessions\/whoami$/ },
  { methods: read, path: /^\/\.well-known\/ory\/webauthn\.js$/ },
];

/** Hydra's browser- and client-facing endpoints. */
export const hydraRoutes: readonly ExposedRoute[] = [
  { methods: submit, path: /^\/oauth2\/auth$/ },
  { methods: ['POST', 'OPTIONS'], path: /^\/oauth2\/(?:token|revoke)$/ },
  { methods: submit, path: /^\/oauth2\/sessions\/logout$/ },
  { methods: ['GET', 'POST', 'OPTIONS'], path: /^\/userinfo$/ },
  { methods: [...read, 'OPTIONS'], path: /^\/\.well-known\/(?:openid-configuration|jwks\.json)$/ },
];

/** Whether this method and path (without query, after the prefix) are exposed. */
export function isExposed(routes: readonly ExposedRoute[], method: string, path: string): boolean {
  return routes.some((route) => route.methods.includes(method) && route.path.test(path));
}
