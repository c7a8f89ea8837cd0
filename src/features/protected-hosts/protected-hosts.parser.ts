import { z } from 'zod';
import { type AccessQuery, accessQuerySchema, pairsOf } from '../../platform/config/access-query.parser.js';
import { isHostName } from '../../platform/core/host-name.js';

/** One entry of `PROTECTED_HOSTS`: a host or a pattern of hosts, and what each of them requires. */
export interface ProtectedHostRule {
  /** In lower case, with `*.` in front if it is a pattern: `app.example.com`, `*.apps.example.com`, `app.localhost:8000`. */
  readonly pattern: string;
  readonly requirement: AccessQuery;
}

/** A whole IPv4 address, in any of the forms that `URL` knows. */
const numeric = /(?:^|\.)(?:\d+|0x[\da-f]*)$/;
const entryPattern = /^(\*\.)?([^:?*]+)(:[1-9]\d{0,4})?(?:\?(.*))?$/s;

/** Whether browsers keep the cookies of two hosts together: they don't tell ports apart (RFC 6265 section 8.5). */
export function sharesCookies(one: string, other: string): boolean {
  return one.replace(/:\d+$/, '') === other.replace(/:\d+$/, '');
}

/** `host`, `host?requirement=value&…` or `*.domain?…`, separated by commas or line ends → rules. */
export const protectedHosts = z.string().transform((text, context) => {
  const entries = text
    .split(/[,\r\n]/)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  const rules: ProtectedHostRule[] = [];
  for (const [index, entry] of entries.entries()) {
    const rule = ruleOf(entry);
    if (typeof rule === 'string') {
      context.addIssue(`entry ${index + 1} ${rule}`);
    } else if (rules.some(({ pattern }) => sharesCookies(pattern, rule.pattern))) {
      context.addIssue(
        `entry ${index + 1} names a host that an entry before it names; a port does not make another one`,
      );
    } else if (rules.some(({ pattern }) => differsByPort(pattern, rule.pattern))) {
      context.addIssue(
        `entry ${index + 1} and an entry before it are for the same hosts at different ports, where the requirements of one would not hold`,
      );
    } else {
      rules.push(rule);
    }
  }
  return rules;
});

/** Whether one of two patterns covers the hosts of the other, but at another port. */
function differsByPort(one: string, other: string): boolean {
  const [[name = '', port], [otherName = '', otherPort]] = [one.split(':'), other.split(':')];
  return port !== otherPort && (covers(name, otherName) || covers(otherName, name));
}

/** Whether a pattern is for the host, or for all hosts of the longer pattern. Both are without ports. */
function covers(pattern: string, name: string): boolean {
  return pattern.startsWith('*') && name.endsWith(pattern.slice(1));
}

/** The rule of an entry, or what is wrong with it. */
function ruleOf(entry: string): ProtectedHostRule | string {
  const [, star = '', given = '', port = '', query] = entryPattern.exec(entry) ?? [];
  const name = given.toLowerCase();
  if (!isHostName(name) || Number(port.slice(1)) > 65_535) {
    return 'must be a host name, or *. and a domain, with ?requirements where needed; no scheme, no path, and IDN as xn--';
  }
  if (numeric.test(name) && !/^\d+(?:\.\d+){3}$/.test(name)) {
    return 'is a number, and no host name';
  }
  if (star !== '' && (!name.includes('.') || numeric.test(name))) {
    return 'must have at least two labels after *.';
  }
  const requirement = accessQuerySchema.safeParse(query === undefined ? {} : pairsOf(query));
  if (!requirement.success) {
    const [issue] = requirement.error.issues;
    const where = issue?.path.join('.') ?? '';
    return where === ''
      ? 'has an unknown or repeated requirement'
      : `has a requirement ${where} that ${issue?.message}`;
  }
  return { pattern: `${star}${name}${port}`, requirement: requirement.data };
}
