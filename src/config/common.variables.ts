import { isIP } from 'node:net';
import { z } from 'zod';
import { admissionVariables } from './admission.variables.js';
import { claimsMap } from './claims-map.parser.js';
import { observabilityVariables } from './observability.variables.js';
import { rateLimitVariables } from './rate-limit.variables.js';
import { addressRange } from './rate-limit.parser.js';
import { secret } from './secret.parser.js';
import { trafficVariables } from './traffic.variables.js';
import { commaList, duration, flag, origin, variableDocs } from './variable.js';

const port = z.string().transform((text, context) => {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= 1 && number <= 65_535)) {
    context.addIssue('must be a port number from 1 to 65535');
    return z.NEVER;
  }
  return number;
});

const databaseUrl = z.string().regex(/^(?:postgres(?:ql)?:\/\/|file:)./, {
  error: 'must start with postgres:// or, for SQLite, with file:',
});

const redisUrl = z.string().refine((text) => /^rediss?:\/\/./.test(text) && URL.canParse(text), {
  error: 'must start with redis:// or rediss://',
});

const smtpUrl = z.string().refine((text) => /^smtps?:\/\/./.test(text) && URL.canParse(text), {
  error: 'must start with smtp:// or smtps://',
});

const mailAddress = z.string().regex(/^[^\s@<>"(),:;]{1,64}@[a-z0-9.-]{1,253}$/i, {
  error: 'must be an e-mail address, without a name',
});

/** Bytes of `BRAND_LOGO`, at most: every page shows it. */
export const maximumLogo = 100_000;

/** Two halves are everybody too. The widest ranges that networks of one's own have are 10.0.0.0/8 and fc00::/7. */
function isNarrow(range: string): boolean {
  const [address = '', length] = range.split('/');
  // IPv4 in IPv6's clothes has 96 bits more.
  const widest = /^::ffff:/i.test(address) ? 104 : address.includes(':') ? 7 : 8;
  return length === undefined || Number(length) >= widest;
}

const trustedProxy = z
  .union([z.enum(['loopback', 'linklocal', 'uniquelocal']), addressRange], {
    error: 'must be IP addresses, CIDR ranges, or loopback, linklocal or uniquelocal',
  })
  .refine(isNarrow, { error: 'must not be everybody, or nearly so: /8 is the widest range (/7 of IPv6)' });

/** An IP address, an IPv6 one in brackets where a port follows. */
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

/** Every variable that means the same under all providers. */
export const commonVariables = z.object({
  AUTH_PROVIDER: z
    .enum(['ory', 'auth0', 'oidc'], 'must be ory, auth0 or oidc')
    .default('ory')
    .register(variableDocs, {
      description:
        'Who logs people in: `ory` (Kratos and Hydra), `auth0`, or `oidc` (any other OpenID provider).',
    }),
  PUBLIC_URL: origin.default('http://localhost:3000').register(variableDocs, {
    description:
      'The one origin that browsers see, without a path. It is the `iss` of the augmented token and decides whether cookies are `Secure`.',
    recommendation:
      'Always https outside of a developer machine; plain http is only taken for loopback names.',
    example: 'https://auth.example.org',
  }),
  HOST: z.string().default('127.0.0.1').register(variableDocs, {
    description: 'Address to listen on.',
    recommendation: '`0.0.0.0` in a container, with a proxy in front.',
  }),
  PORT: port.optional().register(variableDocs, {
    description: 'Port to listen on.',
    derivedDefault: 'the port of `PUBLIC_URL` when that is plain http, else 3000',
    example: '3000',
  }),
  SECRETS: secrets.register(variableDocs, {
    description:
      'Comma list of secrets, each at least 32 random bytes in hex or base64. The first encrypts, all decrypt. Cookies and stored keys are encrypted with keys derived from them.',
    recommendation:
      'Make one with `openssl rand -base64 32`. To rotate, put the new one first and keep the old ones for `SESSION_MAX_TTL`. `npm start` makes one by itself when Ory is embedded.',
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
  REDIS_URL: redisUrl.optional().register(variableDocs, {
    description:
      'Redis or Valkey, `redis://…` or `rediss://…`: carries revocations and key changes between replicas in well under a second, and keeps the counts of rate limits. Without it each replica reads the database every two seconds and counts for itself.',
    derivedDefault: 'none',
    recommendation: 'Set it when there is more than one replica. It holds nothing that must be kept.',
    example: 'redis://redis.internal:6379',
    secret: true,
  }),
  ALLOWED_CLIENT_IDS: commaList.optional().register(variableDocs, {
    derivedDefault: '`vestibule,vestibule-spa` under `ory`, else the own client id',
    description:
      'OAuth clients whose access tokens `POST /auth/login` and `POST /auth/token` take; no others.',
  }),
  ALLOWED_ORIGINS: commaList.pipe(z.array(origin)).default([]).register(variableDocs, {
    description: 'Further origins whose pages may send state-changing requests with cookies.',
    recommendation: 'Leave it empty when everything is on one origin.',
  }),
  TOKEN_AUDIENCE: z.string().min(1).optional().register(variableDocs, {
    description:
      'The `aud` of the augmented token, and the audience that access tokens of the provider must carry.',
    derivedDefault: '`PUBLIC_URL`',
    example: 'https://api.example.org',
  }),
  CLAIMS_MAP: commaList.pipe(claimsMap).default([]).register(variableDocs, {
    description:
      "Comma list of claims to copy from the provider's profile (Kratos: traits) into the augmented token: `claim=path.in.profile`, or `claim=path@scope` to do so only when that scope was granted.",
    recommendation: 'Few and short: the whole token must fit into a cookie of 4,096 bytes.',
    example: 'department=department,locale=locale@profile',
  }),
  LINK_BY_VERIFIED_EMAIL: flag.default(false).register(variableDocs, {
    description:
      'Whether a first login with an identity that is not known yet joins an existing user with the same e-mail address, when the address is verified on both sides.',
    recommendation:
      'Turn it on while you move from one provider to another. It trusts every configured provider to verify addresses.',
  }),
  TOKEN_TTL: duration.default(600).register(variableDocs, {
    description: 'Life of one augmented token; a session renews it as long as it lives.',
    recommendation: '5 to 15 minutes.',
  }),
  SENSITIVE_AUTH_AGE: duration.default(900).register(variableDocs, {
    description:
      'How long after a login its session may make API keys and change roles; then it is asked to log in again. API keys aren’t asked.',
    recommendation: '15 minutes or less where applications share the origin (docs/forward-auth.md).',
  }),
  SIGNING_ALGORITHM: z
    .enum(['ES256', 'EdDSA'], 'must be ES256 or EdDSA')
    .default('ES256')
    .register(variableDocs, {
      description:
        'Signature of augmented tokens (RFC 7518, RFC 8037). After a change the next rotation brings a key of the new kind.',
      recommendation: '`ES256` is understood everywhere; `EdDSA` (Ed25519) verifies faster.',
    }),
  SIGNING_KEY_ROTATION: duration.default(2_592_000).register(variableDocs, {
    description: 'How long a key signs before the next one, which is published all that time, takes over.',
    recommendation: '`vestibule keys rotate` does it at once.',
  }),
  REVOCATION_MAX_STALENESS: duration.optional().register(variableDocs, {
    description:
      'When the database could not be read for this long, guarded requests are refused with 503: fail closed. Unset, they go on, and an end that another replica recorded meanwhile takes effect when its token expires.',
    derivedDefault: 'none: go on',
    recommendation: 'Leave it unset unless a logout matters more than the service; at least `30s` then.',
    example: '30s',
  }),
  SESSION_IDLE_TTL: duration.default(604_800).register(variableDocs, {
    description: 'A session that is not used for this long ends.',
  }),
  SESSION_MAX_TTL: duration.default(2_592_000).register(variableDocs, {
    description: 'A session ends this long after the login, used or not.',
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
      description: 'File of the product’s logo, on the pages and in the browser’s tab; 100 kB at most.',
      derivedDefault: 'our own',
      recommendation: 'An SVG that can be seen on light and on dark ground.',
      example: '/etc/vestibule/logo.svg',
    }),
  BRAND_COLOR: z
    .string()
    .regex(/^#[0-9a-f]{6}$/i, { error: 'must be a colour such as #0b5f59' })
    .optional()
    .register(variableDocs, {
      description:
        'Colour of buttons and links. Its lightness is moved as far as text needs to be read, in the light and in the dark scheme.',
      derivedDefault: 'our own',
      example: '#0b5f59',
    }),
  DEFAULT_LANGUAGE: languageTag.default('en').register(variableDocs, {
    description:
      'Language of pages and mails for those whose browser asks for none that there is. `en` and `de` are built in.',
  }),
  LOCALES_DIR: z.string().min(1).optional().register(variableDocs, {
    description:
      'Folder with further languages, or other words for ours: `<language tag>.json`, texts by key (docs/languages.md).',
    derivedDefault: 'none',
    example: '/etc/vestibule/locales',
  }),
  ...admissionVariables,
  INVITE_TTL: duration.default(604_800).register(variableDocs, {
    description: 'An invite to an organisation that is not used for this long is void.',
  }),
  SMTP_URL: smtpUrl.optional().register(variableDocs, {
    description:
      'Mail server that invites are sent through: `smtps://user:password@host:465/`, or `smtp://…`, which must offer STARTTLS unless the URL has `?disable_starttls=true`. `?skip_ssl_verify=true` takes any certificate.',
    derivedDefault: 'Mailpit under `npm start`, else none: whoever invites somebody gets the link',
    recommendation: 'Your own Kratos takes the same form as `courier.smtp.connection_uri`.',
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
      'E-mail address of the first administrator. The user who logs in with it, verified by the login provider, becomes administrator: once per deployment. It counts no more when there has been one.',
    derivedDefault: '`admin@vestibule.example` under `npm start` with embedded Ory, else none',
    recommendation: 'Without it: `vestibule users promote` (docs/operations.md).',
    example: 'admin@example.org',
  }),
  AUDIT_RETENTION: duration.default(31_536_000).register(variableDocs, {
    description: 'Audit events that are older than this are removed from the database, every hour.',
    recommendation: 'As long as your rules ask for. The log has every event too.',
  }),
  TRUST_PROXY: commaList.pipe(z.array(trustedProxy)).default([]).register(variableDocs, {
    description:
      'Addresses or CIDR ranges of the proxies in front, whose `X-Forwarded-*` headers are believed. `loopback` and `uniquelocal` name ranges.',
    recommendation: 'Only the proxies themselves.',
    example: '10.0.0.0/8',
  }),
  DNS_SERVERS: commaList.pipe(z.array(dnsServer)).default([]).register(variableDocs, {
    description:
      'DNS servers that are asked for the records by which organisations prove their domains: IP addresses, with a port where it is not 53.',
    derivedDefault: "the system's; with `AIR_GAPPED` none, and an administrator confirms domains",
    recommendation: 'A resolver of your own that validates DNSSEC.',
    example: '10.0.0.53',
  }),
  ...rateLimitVariables,
  ...trafficVariables,
  ...observabilityVariables,
  AIR_GAPPED: flag.default(false).register(variableDocs, {
    description:
      'Whether nothing may leave the private network: a configured host outside of it is refused at the start, each other connection of the gateway when it is made (docs/air-gap.md). `PUBLIC_URL` may be any name.',
    recommendation: 'Turn it on wherever there is no way out, or must be none.',
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
        'Least level that is logged: JSON lines on standard output. `debug` and `trace` are refused where `NODE_ENV` is ' +
        '`production`, as in the image.',
    }),
});
