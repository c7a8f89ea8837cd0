import { z } from 'zod';

const identifier = z.string().regex(/^\P{Cc}{1,255}$/u);

const issSubSchema = z.looseObject({ format: z.literal('iss_sub'), iss: z.string(), sub: identifier });
const opaqueSchema = z.looseObject({ format: z.literal('opaque'), id: identifier });
const aliasesSchema = z.looseObject({ format: z.literal('aliases'), identifiers: z.array(z.unknown()) });
const complexSchema = z.looseObject({ format: z.literal('complex') });
const anySchema = z.looseObject({ format: z.string() });

/** A user or a session, as a provider names it. */
interface ProviderName {
  readonly issuer: string;
  readonly id: string;
}

/** The parts of an event's subject that this deployment can have heard of. */
export interface SignalSubject {
  /** Undefined if the user is left out, or named by something that isn't an identity here, such as an e-mail address. */
  readonly user?: ProviderName | undefined;
  /** The user's session at the provider. */
  readonly session?: ProviderName | undefined;
  /** Names of the members of a complex subject that mean nothing here: others than these two, or in another form. */
  readonly unread: readonly string[];
}

/**
 * Reads a subject identifier (RFC 9493; complex subjects: Shared Signals Framework 1.0 section 3.3).
 * @param transmitter issuer of a session whose name stands alone.
 * @returns nothing for what isn't a subject identifier.
 */
export function readSubject(subject: unknown, transmitter: string): SignalSubject | undefined {
  const complex = complexSchema.safeParse(subject).data;
  if (complex === undefined) {
    return anySchema.safeParse(subject).success ? { user: userIn(subject), unread: [] } : undefined;
  }
  const { format: _format, ...members } = complex;
  const user = userIn(members['user']);
  const session = sessionIn(members['session'], user?.issuer ?? transmitter);
  const read = new Set([...(user ? ['user'] : []), ...(session ? ['session'] : [])]);
  return { user, session, unread: Object.keys(members).filter((name) => !read.has(name)) };
}

function userIn(subject: unknown): ProviderName | undefined {
  const { iss, sub } = issSubSchema.safeParse(subject).data ?? {};
  if (iss !== undefined && sub !== undefined) {
    return { issuer: iss, id: sub };
  }
  // RFC 9493 section 3.2.8: all of them name the same user, and none is an alias in turn.
  const { identifiers = [] } = aliasesSchema.safeParse(subject).data ?? {};
  const named = identifiers.flatMap((alias) => issSubSchema.safeParse(alias).data ?? []);
  return named[0] === undefined ? undefined : { issuer: named[0].iss, id: named[0].sub };
}

function sessionIn(subject: unknown, issuer: string): ProviderName | undefined {
  const { iss, sub } = issSubSchema.safeParse(subject).data ?? {};
  if (iss !== undefined && sub !== undefined) {
    return { issuer: iss, id: sub };
  }
  const { id } = opaqueSchema.safeParse(subject).data ?? {};
  return id === undefined ? undefined : { issuer, id };
}
