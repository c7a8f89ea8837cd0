import { z } from 'zod';
import { SignalRefusal } from './signal-refusal.js';

/**
 * What an event asks for, the strongest first: the end of all of the user's sessions, the end of the one that it names, or new tokens
 * from the provider's current state. `ignore` is a known event that changes nothing here.
 */
const effects = ['end_all', 'end_named', 'renew', 'ignore'] as const;
export type SignalEffect = (typeof effects)[number];

const caep = 'https://schemas.openid.net/secevent/caep/event-type/';
const risc = 'https://schemas.openid.net/secevent/risc/event-type/';
const ssf = 'https://schemas.openid.net/secevent/ssf/event-type/';
const credentialChange = `${caep}credential-change`;

const effectOfType: Readonly<Record<string, SignalEffect>> = {
  [`${caep}session-revoked`]: 'end_named',
  [`${caep}token-claims-change`]: 'renew',
  [`${caep}assurance-level-change`]: 'renew',
  [`${risc}account-disabled`]: 'end_all',
  [`${risc}account-purged`]: 'end_all',
  [`${risc}sessions-revoked`]: 'end_all',
  [`${ssf}verification`]: 'ignore',
  [`${ssf}stream-updated`]: 'ignore',
};

/** CAEP 1.0 section 3.3. A new credential is no reason to doubt the sessions that there are. */
const effectOfChange = { create: 'ignore', revoke: 'end_all', update: 'end_all', delete: 'end_all' } as const;
const credentialChangeSchema = z.looseObject({
  change_type: z.enum(['create', 'revoke', 'update', 'delete']),
});

/**
 * The effect of a signal's events: the strongest, as several types may name the same event.
 * @returns nothing if none is known here.
 * @throws {SignalRefusal} for an event without what its definition requires.
 */
export function effectOf(events: Readonly<Record<string, unknown>>): SignalEffect | undefined {
  const asked = new Set(Object.entries(events).map(([type, event]) => effectOfOne(type, event)));
  return effects.find((effect) => asked.has(effect));
}

function effectOfOne(type: string, event: unknown): SignalEffect | undefined {
  if (type !== credentialChange) {
    return Object.hasOwn(effectOfType, type) ? effectOfType[type] : undefined;
  }
  const parsed = credentialChangeSchema.safeParse(event);
  if (!parsed.success) {
    throw new SignalRefusal('invalid_request', 'signal_event', 'the event lacks a valid change_type');
  }
  return effectOfChange[parsed.data.change_type];
}
