import { z } from 'zod';
import { parseJson } from './json.parser.js';
import { isLoopbackHost } from '../core/loopback.js';

/** Placeholders for secrets: whole texts, or words that don't occur in a random text by accident. */
const placeholders = [
  /^(?:admin|client[-_ ]?secret|default|hydra|kratos|letmein|passw(?:or|0r)d|postgres|redis|root|secret|test|token|user|vestibule)[\d!]*$/i,
  /change[-_ ]?(?:me|this|it)|example|placeholder|replace[-_ ]?(?:me|this)/i,
  /^(?:my|new|old|some|the|your)(?:[-_ ][a-z]+)*$/i,
  /^[<{[(].*[>}\])]$|…|\.{3}/,
  /^(.)\1*$/,
];
/** Domain names reserved for documentation (RFC 2606 section 3), an example tenant and an example client id. */
const documentation = /(?:^|[^\w-])example\.(?:com|net|org)(?![\w.-]*\w)|^example\.|^AbCdEf123456$/i;

/** The password in a URL, decoded if it can be; empty if there is none. */
export function passwordOf(text: string): string {
  const password = URL.canParse(text) ? new URL(text).password : '';
  try {
    return decodeURIComponent(password);
  } catch {
    return password;
  }
}

const clientSecrets = z.array(z.looseObject({ client_secret: z.string().optional() }));
const connectionSecrets = z.array(
  z.looseObject({ bind_password: z.string().optional(), client_secret: z.string().optional() }),
);

/** Functions that extract the secrets from a variable's value, by the variable's name. */
const secretsIn: Readonly<Record<string, (text: string) => readonly (string | undefined)[]>> = {
  SECRETS: (text) => text.split(','),
  DATABASE_URL: (text) => [passwordOf(text)],
  REDIS_URL: (text) => text.split(/\s*,\s*(?=rediss?:)/).map(passwordOf),
  REDIS_SENTINEL_PASSWORD: (text) => [text],
  SMTP_URL: (text) => [passwordOf(text)],
  SOCIAL_PROVIDERS: (text) =>
    (clientSecrets.safeParse(parseJson(text)).data ?? []).map(({ client_secret }) => client_secret),
  CONNECTIONS: (text) =>
    (connectionSecrets.safeParse(parseJson(text)).data ?? []).flatMap(({ bind_password, client_secret }) =>
      [bind_password, client_secret].filter((secret) => secret !== undefined),
    ),
  ADMIN_PASSWORD: (text) => [text],
  AUTH0_CLIENT_SECRET: (text) => [text],
  OIDC_CLIENT_SECRET: (text) => [text],
};

/** Variables with URLs of pages that get tokens or may send requests with the session. */
const originLists: ReadonlySet<string> = new Set(['SPA_REDIRECT_URIS', 'ALLOWED_ORIGINS']);

const isSecure = (url: string | undefined): boolean => url?.startsWith('https:') === true;

/** Whether a URL is plain http beyond loopback: anyone on the network path can replace its page. Loopback is for development. */
function isPlainElsewhere(entry: string): boolean {
  const url = URL.canParse(entry.trim()) ? new URL(entry.trim()) : undefined;
  return url?.protocol === 'http:' && !isLoopbackHost(url.hostname);
}

/** Whether a secret is a placeholder. */
export function isPlaceholder(secret: string): boolean {
  return placeholders.some((pattern) => pattern.test(secret.trim()));
}

/** The problem of a variable with a placeholder. */
export function placeholderIn(name: string): string {
  return `${name}: is a placeholder, and NODE_ENV is production`;
}

/** Names of the variables that are searched for placeholder secrets. */
export const guardedVariables: readonly string[] = Object.keys(secretsIn);

/**
 * Finds settings that are unfit for production (`NODE_ENV=production`): debug logging, placeholder secrets, addresses from
 * documentation, and http origins beyond loopback although `PUBLIC_URL` is https.
 * @param values unparsed values by variable name.
 * @returns one line per problem, with the variable's name and never its value.
 */
export function productionProblems(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([name, text]) => {
    if (name === 'LOG_LEVEL' && ['debug', 'trace'].includes(text)) {
      return ['LOG_LEVEL: debug and trace are for development, and NODE_ENV is production'];
    }
    if (originLists.has(name) && isSecure(values['PUBLIC_URL']) && text.split(',').some(isPlainElsewhere)) {
      return [
        `${name}: has an http address beyond loopback although PUBLIC_URL is https, and NODE_ENV is production`,
      ];
    }
    const secrets = (secretsIn[name]?.(text) ?? []).filter((found) => found !== undefined);
    if (secrets.some(isPlaceholder)) {
      return [placeholderIn(name)];
    }
    return documentation.test(text)
      ? [`${name}: is an example of the documentation, and NODE_ENV is production`]
      : [];
  });
}
