import { isIP } from 'node:net';
import { z } from 'zod';
import { admissionVariables } from './admission.variables.js';
import { claimsMap } from './claims-map.parser.js';
import { rateLimitVariables } from './rate-limit.variables.js';
import { addressRange } from './rate-limit.parser.js';
import { secret } from './secret.parser.js';
import { trafficVariables } from './traffic.variables.js';
import {
  commaList,
  duration,
  flag,
  isLoginReadable,
  numberBetween,
  origin,
  unreadableLogin,
  variableDocs,
} from './variable.js';

const port = numberBetween(1, 65_535, /^\d{1,5}$/, 'must be a port number from 1 to 65535');

const databaseUrl = z.string().regex(/^(?:postgres(?:ql)?:\/\/|file:)./, {
  error: 'must start with postgres:// or, for SQLite, with file:',
});

/** One or more URLs; a comma inside one, for example in its password, separates nothing. */
const redisUrls = z
  .string()
  .transform((text) => text.split(/\s*,\s*(?=rediss?:\/\/)/))
  .refine((urls) => urls.every(isRedisUrl), {
    error: 'must start with redis:// or rediss://, and so must each further URL',
    abort: true,
  })
  .refine((urls) => urls.every(isLoginReadable), { error: unreadableLogin })
  .refine((urls) => urls.every((url) => /^\/?\d{0,5}$/.test(new URL(url).pathname)), {
    error: 'may have nothing but the number of a database after the address',
  })
  .refine((urls) => new Set(urls.map((url) => url.startsWith('rediss:'))).size === 1, {
    error: 'must have redis:// in all of its URLs, or rediss:// in all',
  })
  .refine(
    ([first = '', ...others]) => others.every((url) => [noLogin, loginOf(first)].includes(loginOf(url))),
    {
      error: 'must have user, password and database number in its first URL only, or the same in all',
    },
  );

function isRedisUrl(url: string): boolean {
  return /^rediss?:\/\/./.test(url) && URL.canParse(url) && !new URL(url).hostname.includes(',');
}

const noLogin = ':@0';

/** User, password and database number of a URL. */
function loginOf(url: string): string {
  const { username, password, pathname } = new URL(url);
  return `${username}:${password}@${Number(pathname.slice(1))}`;
}

const smtpUrl = z
  .string()
  .refine((text) => /^smtps?:\/\/./.test(text) && URL.canParse(text), {
    error: 'must start with smtp:// or smtps://',
    abort: true,
  })
  .refine(isLoginReadable, { error: unreadableLogin });

const mailAddress = z.string().regex(/^[^\s@<>"(),:;]{1,64}@[a-z0-9.-]{1,253}$/i, {
  error: 'must be an e-mail address, without a name',
});

/** Maximum size of `BRAND_LOGO` in bytes: every page shows it. */
export const maximumLogo = 100_000;

/**
 * Whether a range is narrow enough to be trusted: two halves of the address space would cover everyone.
 * The widest private ranges are 10.0.0.0/8 and fc00::/7.
 */
function isNarrow(range: string): boolean {
  const [address = '', length] = range.split('/');
  // The prefix of an IPv4-mapped IPv6 range is 96 bits longer.
  const widest = /^::ffff:/i.test(address) ? 104 : address.includes(':') ? 7 : 8;
  return length === undefined || Number(length) >= widest;
}

const trustedProxy = z
  .union([z.enum(['loopback', 'linklocal', 'uniquelocal']), addressRange], {
    error: 'must be IP addresses, CIDR ranges, or loopback, linklocal or uniquelocal',
  })
  .refine(isNarrow, { error: 'must not be everybody, or nearly so: /8 is the widest range (/7 of IPv6)' });

/** An IP address, optionally with a port. An IPv6 address needs brackets before a port. */
const dnsServer = z.string().refine(
  (text) => {
    const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([\d.]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
    return (
      isIP(text) !== 0 ||
      ((isIP(bracketed ?? '') === 6 || isIP(plain ?? '') === 4) &&
        Number(port ?? 53) >= 1 &&
        Number(port ?? 53) <= 65_535)
    );
  },
  { error: 'must be IP addresses, with a port after a colon where it is not 53' },
);

/** It is in every token, and the whole token must fit into a cookie. */
const tokenAudience = z.string().max(512, { error: 'must have at most 512 characters' });

const brandName = z
  .string()
  .trim()
  .min(1, { error: 'must not be empty' })
  .max(60, { error: 'must have at most 60 characters' })
  .regex(/^[^\p{Cc}\p{Cs}<>"]*$/u, { error: 'must not have control characters, quotes or angle brackets' });

const languageTag = z.string().regex(/^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*$/, {
  error: 'must be a language tag, such as en or de-AT',
});

const secrets = commaList
  .pipe(z.array(z.string()).min(1, { error: 'must hold at least one secret' }))
  .pipe(z.array(secret));

/** Variables with the same meaning under every provider. */
export const commonVariables = z.object({
  AUTH_PROVIDER: z
    .enum(['ory', 'auth0', 'oidc'], 'must be ory, auth0 or oidc')
    .default('ory')
    .register(variableDocs, {
      description:
        'Who logs users in: `ory` (Kratos and Hydra), `auth0`, or `oidc` (any other OpenID provider).',
    }),
  PUBLIC_URL: origin.default('http://localhost:3000').register(variableDocs, {
    description:
      'The one origin that browsers see, without a path. It is the `iss` of the augmented token and decides whether cookies are `Secure`.',
    recommendation:
      'Use https except on a developer machine; plain http is only accepted for loopback names.',
    example: 'https://auth.example.org',
  }),
  HOST: z.string().default('127.0.0.1').register(variableDocs, {
    description: 'Address to listen on.',
    recommendation: '`0.0.0.0` in a container, with a proxy in front.',
  }),
  PORT: port.optional().register(variableDocs, {
    description: 'Port to listen on.',
    derivedDefault: 'the port of `PUBLIC_URL` if that is plain http, otherwise 3000',
    example: '3000',
  }),
  SECRETS: secrets.register(variableDocs, {
    description:
      'Comma-separated list of secrets, each at least 32 random bytes in hex or base64. The first encrypts cookies and signing keys, all decrypt.',
    recommendation:
      'Create one with `openssl rand -base64 32`. `npm start` creates one. Rotation: docs/operations.md.',
    secret: true,
  }),
  DATA_DIR: z.string().default('.data').register(variableDocs, {
    description: 'Folder of the embedded databases and secrets.',
  }),
  DATABASE_URL: databaseUrl.optional().register(variableDocs, {
    description: '`postgres://…`, or `file:…` for SQLite.',
    derivedDefault: 'SQLite, `vestibule.db` in `DATA_DIR`',
    recommendation: 'PostgreSQL in production, and whenever there is more than one replica.',
    example: 'postgres://vestibule@db.internal/vestibule',
    secret: true,
  }),
  REDIS_URL: redisUrls.optional().register(variableDocs, {
    description:
      'Redis or Valkey, `redis://…` or `rediss://…`. With Sentinel or a cluster: a comma-separated list, of which the first URL has user and password. It carries revocations and key changes between replicas, and counts rate limits. Without it, each replica polls the database and counts for itself.',
    recommendation: 'Set it if there is more than one replica.',
    example: 'redis://redis.internal:6379',
    secret: true,
  }),
  REDIS_SENTINEL_MASTER: z.string().min(1).optional().register(variableDocs, {
    description:
      'Name of the primary that Redis Sentinel watches. `REDIS_URL` then lists the sentinels, with user and password of Redis itself.',
    derivedDefault: 'none: no Sentinel',
    recommendation: 'List all sentinels (docs/production.md).',
    example: 'mymaster',
  }),
  REDIS_SENTINEL_PASSWORD: z.string().min(1).optional().register(variableDocs, {
    description: 'Password of the sentinels, if they require one.',
    secret: true,
  }),
  REDIS_CLUSTER: flag.default(false).register(variableDocs, {
    description: 'Whether `REDIS_URL` lists nodes of a Redis Cluster.',
    recommendation: 'List at least three nodes (docs/production.md).',
  }),
  ALLOWED_CLIENT_IDS: commaList.optional().register(variableDocs, {
    derivedDefault: '`vestibule,vestibule-spa` under `ory`, otherwise the configured client id',
    description: 'OAuth clients whose access tokens `POST /auth/login` and `POST /auth/token` accept.',
  }),
  ALLOWED_ORIGINS: commaList.pipe(z.array(origin)).default([]).register(variableDocs, {
    description: 'Further origins whose pages may send state-changing requests with cookies.',
    recommendation: 'Leave it empty if everything is on one origin.',
  }),
  TOKEN_AUDIENCE: tokenAudience.optional().register(variableDocs, {
    description:
      'The `aud` of the augmented token, and the audience that access tokens of the provider must carry.',
    derivedDefault: '`PUBLIC_URL`',
    example: 'https://api.example.org',
  }),
  CLAIMS_MAP: commaList.pipe(claimsMap).default([]).register(variableDocs, {
    description:
      "Comma-separated list of claims to copy from the provider's profile (Kratos: traits) into the augmented token. Each entry is `claim=path.in.profile`, or `claim=path@scope` to copy it only if that scope was granted.",
    recommendation:
      'Map few and short claims: the whole token must fit into a cookie of 4,096 bytes. Map no trait of Kratos to rights: users write their traits themselves.',
    example: 'department=department,locale=locale@profile',
  }),
  LINK_BY_VERIFIED_EMAIL: flag.default(false).register(variableDocs, {
    description:
      'Whether the first login of an unknown identity joins an existing user with the same e-mail address, if the address is verified on both sides.',
    recommendation:
      'Turn it on only while you move from one provider to another. It trusts both providers to verify addresses.',
  }),
  TOKEN_TTL: duration.default(600).register(variableDocs, {
    description: 'Lifetime of an augmented token. A live session renews its token.',
    recommendation: '5 to 15 minutes.',
  }),
  SENSITIVE_AUTH_AGE: duration.default(900).register(variableDocs, {
    description:
      'How long after a login its session may create API keys and change roles without another login. API keys are exempt.',
    recommendation: '15 minutes or less if applications share the origin (docs/forward-auth.md).',
  }),
  SIGNING_ALGORITHM: z
    .enum(['ES256', 'EdDSA'], 'must be ES256 or EdDSA')
    .default('ES256')
    .register(variableDocs, {
      description:
        'Signature algorithm of augmented tokens (RFC 7518, RFC 8037). After a change, the next rotation creates a key of the new kind.',
      recommendation: '`ES256` is understood everywhere; `EdDSA` (Ed25519) verifies faster.',
    }),
  SIGNING_KEY_ROTATION: duration.default(2_592_000).register(variableDocs, {
    description:
      'How long a key signs before the next one takes over. The next one is published all that time.',
    recommendation: '`vestibule keys rotate` rotates at once.',
  }),
  REVOCATION_MAX_STALENESS: duration.optional().register(variableDocs, {
    description:
      'If the database could not be read for this long, guarded requests are refused with 503 (fail closed).',
    derivedDefault: 'none: requests are served',
    recommendation: 'Leave it unless logouts matter more than availability. Then use at least `30s`.',
    example: '30s',
  }),
  SESSION_IDLE_TTL: duration.default(604_800).register(variableDocs, {
    description: 'A session ends when it has not been used for this long.',
  }),
  SESSION_MAX_TTL: duration.default(2_592_000).register(variableDocs, {
    description: 'A session ends this long after its login, even if it is used.',
  }),
  SESSION_UNCONFIRMED_TTL: duration.default(43_200).register(variableDocs, {
    description:
      'A session whose provider can’t be asked about it ends this long after its login: under `auth0`, `oidc` and at connections of kind `oidc`, when the provider issued no refresh token.',
    recommendation:
      'Let the provider issue refresh tokens (docs/providers.md). Then it is asked at each renewal.',
  }),
  BRAND_NAME: brandName.default('Vestibule').register(variableDocs, {
    description: 'Name of the product, on the pages and as the sender of mails.',
    example: 'Analytical Engines',
  }),
  BRAND_LOGO: z
    .string()
    .regex(/\.(?:svg|png|webp)$/, { error: 'must be the path of an .svg, .png or .webp file' })
    .optional()
    .register(variableDocs, {
      description: 'File of the product’s logo, on the pages and in the browser’s tab; at most 100 kB.',
      derivedDefault: 'our own',
      recommendation: 'Use an SVG that is visible on light and on dark backgrounds.',
      example: '/etc/vestibule/logo.svg',
    }),
  BRAND_COLOR: z
    .string()
    .regex(/^#[0-9a-f]{6}$/i, { error: 'must be a colour such as #0b5f59' })
    .optional()
    .register(variableDocs, {
      description:
        'Colour of buttons and links. Its lightness is adjusted so that text is readable, in the light and in the dark scheme.',
      derivedDefault: 'our own',
      example: '#0b5f59',
    }),
  DEFAULT_LANGUAGE: languageTag.default('en').register(variableDocs, {
    description:
      'Language of pages and mails for browsers that request no available language. `en` and `de` are built in.',
  }),
  LOCALES_DIR: z.string().min(1).optional().register(variableDocs, {
    description:
      'Folder with further languages, or other wording: `<language tag>.json`, texts by key (docs/languages.md).',
    example: '/etc/vestibule/locales',
  }),
  ...admissionVariables,
  SMTP_URL: smtpUrl.optional().register(variableDocs, {
    description:
      'Mail server that invites are sent through: `smtps://user:password@host:465/`, or `smtp://…`, which must offer STARTTLS unless the URL has `?disable_starttls=true`. `?skip_ssl_verify=true` accepts any certificate.',
    derivedDefault: 'Mailpit under `npm start`, otherwise none: the user who invites gets the link',
    recommendation: 'If you run your own Kratos, give it the same URL as `courier.smtp.connection_uri`.',
    example: 'smtps://vestibule@mail.internal:465/',
    secret: true,
  }),
  MAIL_FROM: mailAddress.optional().register(variableDocs, {
    description: 'Sender of the mails.',
    derivedDefault: '`no-reply@` and the host of `PUBLIC_URL`',
    example: 'accounts@example.org',
  }),
  ADMIN_EMAIL: z.email({ error: 'must be an e-mail address' }).optional().register(variableDocs, {
    description:
      'E-mail address of the first administrator. The user who logs in with it, verified by the login provider, becomes administrator. It has no effect if the deployment has ever had one.',
    derivedDefault: '`admin@vestibule.example` under `npm start` with embedded Ory, otherwise none',
    recommendation: 'Instead, you can use `vestibule users promote` (docs/operations.md).',
    example: 'admin@example.org',
  }),
  AUDIT_RETENTION: duration.default(31_536_000).register(variableDocs, {
    description: 'Audit events that are older than this are removed from the database.',
    recommendation: 'As long as your policies require. The log has every event too.',
  }),
  TRUST_PROXY: commaList.pipe(z.array(trustedProxy)).default([]).register(variableDocs, {
    description:
      'Addresses or CIDR ranges of the proxies in front, whose `X-Forwarded-*` headers are trusted. `loopback`, `linklocal` and `uniquelocal` name ranges.',
    recommendation: 'List only the proxies themselves.',
    example: '10.0.0.0/8',
  }),
  DNS_SERVERS: commaList.pipe(z.array(dnsServer)).default([]).register(variableDocs, {
    description:
      'DNS servers for the records by which organisations prove their domains. They are IP addresses, with a port if it is not 53.',
    derivedDefault: "the system's; with `AIR_GAPPED`, none: an administrator confirms domains",
    recommendation: 'Use your own resolver that validates DNSSEC.',
    example: '10.0.0.53',
  }),
  ...rateLimitVariables,
  ...trafficVariables,
  AIR_GAPPED: flag.default(false).register(variableDocs, {
    description:
      'Whether the gateway refuses to leave the private network. See docs/production.md, "Without a network".',
    recommendation: 'Turn it on if the deployment must not reach the Internet.',
  }),
  DEMO: flag.default(false).register(variableDocs, {
    description: 'Whether `/demo`, the example single-page app, is served (`ory` only).',
    recommendation: 'Leave it off in production. `npm start` with embedded Ory turns it on.',
  }),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'must be a pino level')
    .default('info')
    .register(variableDocs, {
      description:
        'Lowest level that is logged, as JSON lines on standard output. `debug` and `trace` are refused if `NODE_ENV` is ' +
        '`production`, as in the image.',
    }),
});
