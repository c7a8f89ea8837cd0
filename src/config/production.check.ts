import { z } from 'zod';
import { parseJson } from './json.parser.js';

/** Texts that stand for a secret instead of being one. Whole texts, or words that no random text has by accident. */
const placeholders = [
  /^(?:admin|client[-_ ]?secret|default|hydra|kratos|letmein|passw(?:or|0r)d|postgres|redis|root|secret|test|token|user|vestibule)[\d!]*$/i,
  /change[-_ ]?(?:me|this|it)|example|placeholder|replace[-_ ]?(?:me|this)/i,
  /^(?:my|new|old|some|the|your)(?:[-_ ][a-z]+)*$/i,
  /^[<{[(].*[>}\])]$|…|\.{3}/,
  /^(.)\1*$/,
];
/** Names that are kept for documentation (RFC 2606, section 3), and a tenant and a client id that are made up. */
const documentation = /(?:^|[^\w-])example\.(?:com|net|org)(?![\w.-]*\w)|^example\.|^AbCdEf123456$/i;

const headerList = (text: string): readonly string[] =>
  text
    .split(',')
    .map((entry) => entry.slice(entry.indexOf('=') + 1).replace(/^(?:Basic|Bearer|Token)(?: |%20)/i, ''));

/** The password in a URL, decoded. */
function passwordOf(text: string): readonly string[] {
  const password = URL.canParse(text) ? new URL(text).password : '';
  try {
    return password === '' ? [] : [decodeURIComponent(password)];
  } catch {
    return [password];
  }
}

const clientSecrets = z.array(z.looseObject({ client_secret: z.string().optional() }));

/** The secrets in a variable's text, by its name. */
const secretsIn: Readonly<Record<string, (text: string) => readonly (string | undefined)[]>> = {
  SECRETS: (text) => text.split(','),
  DATABASE_URL: passwordOf,
  REDIS_URL: passwordOf,
  SMTP_URL: passwordOf,
  METRICS_TOKEN: (text) => [text],
  OTEL_EXPORTER_OTLP_HEADERS: headerList,
  SOCIAL_PROVIDERS: (text) =>
    (clientSecrets.safeParse(parseJson(text)).data ?? []).map(({ client_secret }) => client_secret),
  ADMIN_PASSWORD: (text) => [text],
  AUTH0_CLIENT_SECRET: (text) => [text],
  OIDC_CLIENT_SECRET: (text) => [text],
};

/** Lists of addresses whose pages get tokens, or may send requests with the session. */
const originLists: ReadonlySet<string> = new Set(['SPA_REDIRECT_URIS', 'ALLOWED_ORIGINS']);

const isSecure = (url: string | undefined): boolean => url?.startsWith('https:') === true;

/** Anyone on the way can put a page there. An application that is being developed is on loopback. */
function isPlainElsewhere(entry: string): boolean {
  const url = URL.canParse(entry.trim()) ? new URL(entry.trim()) : undefined;
  return url?.protocol === 'http:' && !/^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
}

/** Variables in which a secret is looked for. */
export const guardedVariables: readonly string[] = Object.keys(secretsIn);

/**
 * What must not be where people rely on it (`NODE_ENV=production`): debug lines, secrets that somebody else knows too because
 * they stand in documentation, and addresses that are only there.
 * @param values of the variables, as texts.
 * @returns a line a problem, with the variable's name and never its value.
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
    if (secrets.some((found) => placeholders.some((pattern) => pattern.test(found.trim())))) {
      return [`${name}: is a placeholder, and NODE_ENV is production`];
    }
    return documentation.test(text)
      ? [`${name}: is an example of the documentation, and NODE_ENV is production`]
      : [];
  });
}
