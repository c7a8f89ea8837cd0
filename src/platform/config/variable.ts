import { z } from 'zod';
import { isSocketAddress } from '../core/service-address.js';

/** Documentation of one environment variable. */
export interface VariableDoc {
  /** What the variable does, in one or two sentences. */
  readonly description: string;
  /** How the default is derived, if it isn't a constant of the schema. */
  readonly derivedDefault?: string;
  /** What to set in production, or what to watch out for. */
  readonly recommendation?: string;
  /** A value for .env.example. */
  readonly example?: string;
  /** Whether the value must never be shown; `headers` if it has values of headers (`authorization=Bearer …`). */
  readonly secret?: boolean | 'headers';
}

/** Registry that ties each variable's schema to its documentation; the docs are generated from it. */
export const variableDocs = z.registry<VariableDoc>();

const units = { s: 1, m: 60, h: 3600, d: 86_400 } as const;
const durationPattern = /^([1-9]\d{0,9})([smhd])$/;
/** A hundred years: with more, times to come no longer fit into a date. */
const longestDuration = 36_500 * units.d;

/** `90s`, `10m`, `12h`, `30d` → seconds; undefined for anything else, and for more than a hundred years. */
export function durationSeconds(text: string): number | undefined {
  const match = durationPattern.exec(text);
  const unit = match?.[2];
  const seconds =
    unit === 's' || unit === 'm' || unit === 'h' || unit === 'd' ? Number(match?.[1]) * units[unit] : 0;
  return seconds > 0 && seconds <= longestDuration ? seconds : undefined;
}

/** `90s`, `10m`, `12h`, `30d` → seconds. */
export const duration = z.string().transform((text, context) => {
  const seconds = durationSeconds(text);
  if (seconds === undefined) {
    context.addIssue('must be a whole number with a unit, such as 90s, 10m, 12h or 30d, and at most 36500d');
    return z.NEVER;
  }
  return seconds;
});

/** A number in a text of this form, from `least` to `most`. @param error the only message. */
export function numberBetween(least: number, most: number, form: RegExp, error: string) {
  return z
    .string()
    .regex(form, { error })
    .transform(Number)
    .pipe(z.number().min(least, { error }).max(most, { error }));
}

/** Comma-separated list → trimmed entries, without empty ones. */
export const commaList = z.string().transform((text) =>
  text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== ''),
);

/** Comma-separated list of hosts, each with its port if that is not the default. */
export const hostList = commaList.pipe(
  z.array(
    z
      .string()
      .toLowerCase()
      .regex(/^(?:[a-z\d.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/, {
        error: 'must be a list of hosts, each with its port if that is not the default',
      }),
  ),
);

/** `true` or `false`. */
export const flag = z.enum(['true', 'false'], 'must be true or false').transform((text) => text === 'true');

/** Absolute http(s) URL without credentials, query or fragment; a slash at its end is dropped. */
export const httpUrl = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.username !== '' ||
    url.password !== '' ||
    url.search !== '' ||
    url.hash !== ''
  ) {
    context.addIssue('must be an absolute http or https URL without credentials, query or fragment');
    return z.NEVER;
  }
  return url.href.replace(/\/+$/, '');
});

/** An `httpUrl`, or a Unix socket on this machine: `unix:/run/kratos.sock`. */
export const httpUrlOrSocket = z.string().transform((text, context) => {
  if (isSocketAddress(text)) {
    return text;
  }
  const url = httpUrl.safeParse(text);
  if (!url.success) {
    context.addIssue(
      'must be an absolute http or https URL without credentials, query or fragment, or unix: and the path of a .sock file',
    );
    return z.NEVER;
  }
  return url.data;
});

/** Origin: an http(s) URL with only scheme, host and port. */
export const origin = httpUrl.refine((url) => new URL(url).origin === url, {
  error: 'must be an origin: scheme, host and, where needed, a port; no path',
});

/** Host name or http(s) URL. A host name becomes an https URL. */
export const hostOrUrl = z
  .string()
  .transform((text) => (/^https?:\/\//.test(text) ? text : `https://${text}`))
  .pipe(httpUrl);

/** Whether user and password of a URL can be read: each `%` in them begins an escape. */
export function isLoginReadable(url: string): boolean {
  const { username, password } = new URL(url);
  try {
    decodeURIComponent(username);
    decodeURIComponent(password);
    return true;
  } catch {
    return false;
  }
}

/** The refusal of a URL whose user or password can't be read. */
export const unreadableLogin = 'has a % in user or password that escapes nothing: write it as %25';
