import { isIP } from 'node:net';
import { z } from 'zod';
import { durationSeconds } from './variable.js';

/** A rate limit: how many attempts are allowed within a window. */
export interface RatePolicy {
  readonly points: number;
  /** Seconds, counted from the first attempt. */
  readonly window: number;
}

/**
 * Default rate limits, which `RATE_LIMIT_POLICIES` can override. docs/security.md explains the values. The suffix names the key:
 * - `-address`: IPv4 address or IPv6 /64; on the gateway's own routes, callers with a session or key count as themselves
 * - `-account`: the account name that was entered, where mails are sent its mailbox; of a verification, the account that asks
 * - `-pair`: address and account together
 * - `-sender`: the user who causes a mail, and the organisation if its API key does
 * - `-recipient`: the recipient of the mail
 * - `-user`: the user who is logged in
 * - `-all`: everyone together
 */
export const ratePolicyDefaults = {
  'login-address': { points: 100, window: 600 },
  'login-pair': { points: 10, window: 900 },
  'login-account': { points: 100, window: 3600 },
  'registration-address': { points: 60, window: 3600 },
  'registration-pair': { points: 20, window: 3600 },
  'registration-account': { points: 30, window: 3600 },
  'recovery-address': { points: 60, window: 3600 },
  'recovery-pair': { points: 10, window: 3600 },
  'recovery-account': { points: 30, window: 3600 },
  'verification-address': { points: 60, window: 3600 },
  'verification-pair': { points: 10, window: 3600 },
  'verification-account': { points: 30, window: 3600 },
  'start-address': { points: 1200, window: 300 },
  'document-address': { points: 60, window: 3600 },
  'token-address': { points: 100, window: 600 },
  'credential-address': { points: 100, window: 600 },
  'logout-address': { points: 100, window: 600 },
  'signal-address': { points: 100, window: 600 },
  'client-address': { points: 20, window: 3600 },
  'creation-address': { points: 100, window: 3600 },
  'domain-address': { points: 30, window: 3600 },
  'connection-address': { points: 60, window: 600 },
  'invite-address': { points: 100, window: 3600 },
  'invite-sender': { points: 50, window: 3600 },
  'invite-recipient': { points: 5, window: 86_400 },
  'settings-address': { points: 60, window: 3600 },
  'settings-sender': { points: 10, window: 3600 },
  'settings-recipient': { points: 10, window: 86_400 },
  'notice-recipient': { points: 5, window: 3600 },
  'device-user': { points: 5, window: 600 },
  'device-address': { points: 20, window: 600 },
  'device-all': { points: 1000, window: 600 },
} as const;

/** Name of a policy, as in `RATE_LIMIT_POLICIES` and in the `RateLimit` headers. */
export type RatePolicyName = keyof typeof ratePolicyDefaults;

/** All policies. */
export type RatePolicies = Readonly<Record<RatePolicyName, RatePolicy>>;

const entryPattern = /^([a-z-]+)=([1-9]\d{0,6})\/(\w+)$/;
/** Seconds: a day. Timers count milliseconds in 31 bits, and nobody should have to wait longer. */
const longestWindow = 86_400;

/** Whether a text is the name of a policy. */
export function isRatePolicyName(name: string): name is RatePolicyName {
  return Object.hasOwn(ratePolicyDefaults, name);
}

/** `name=points/window`, comma-separated → all policies; those not named keep their defaults. */
export const ratePolicies = z.array(z.string()).transform((entries, context): RatePolicies => {
  const policies: Record<RatePolicyName, RatePolicy> = { ...ratePolicyDefaults };
  for (const [index, entry] of entries.entries()) {
    const [, name = '', points, window] = entryPattern.exec(entry) ?? [];
    const seconds = durationSeconds(window ?? '');
    if (!isRatePolicyName(name) || seconds === undefined || seconds > longestWindow) {
      context.addIssue(
        `entry ${index + 1} must be policy=count/window, such as login-pair=10/15m, with a window of at most 1d`,
      );
    } else {
      policies[name] = { points: Number(points), window: seconds };
    }
  }
  return policies;
});

/** An IP address or a CIDR range. */
export const addressRange = z.string().refine(
  (text) => {
    const [address = '', prefix, ...rest] = text.split('/');
    const family = isIP(address);
    const isPrefixFine =
      prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
    return family !== 0 && isPrefixFine && rest.length === 0;
  },
  { error: 'must be IP addresses or CIDR ranges' },
);
