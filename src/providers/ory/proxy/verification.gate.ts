import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../../platform/errors/problem.error.js';
import { foldIdentifier } from '../../../platform/core/account-identifier.js';
import type { KratosIdentity, KratosSession } from '../kratos/kratos-session.js';
import type { SessionReader } from './exchange.js';
import { type SubmittedForm, readSubmittedForm, spellingOf } from './submitted.form.js';
import type { VerificationBindings, VerificationFlow } from './verification-binding.js';

/** The page to which Kratos redirects a browser after it has accepted its link or form. */
const uiPath = '/ui/verification?';

/** What a request to the verification endpoint is about to do. */
export interface VerificationStep {
  /** The session in which it's done; its identity is the only one that can be verified. */
  readonly session: KratosSession;
  readonly binding: VerificationFlow;
  /** Whether the request enters a code; otherwise it requests one, or shows one to be confirmed. */
  readonly isCodeGiven: boolean;
}

/**
 * Accepts a code that verifies an address only in a session of the account that it was mailed for. Otherwise, an owner who opens
 * the link of somebody else's registration would verify an account that an outsider has set up (docs/adr/0023).
 */
export class VerificationGate {
  constructor(private readonly bindings: VerificationBindings) {}

  /**
   * Checks a request that is about to go to Kratos.
   * @returns nothing if no code is involved.
   * @throws {Problem} `unauthenticated` without a session, `account_mismatch` in that of another account.
   */
  async admit(request: FastifyRequest, sessionOf: SessionReader): Promise<VerificationStep | undefined> {
    const form = await readSubmittedForm(request);
    if (!form.names.has('code') && !form.names.has('email')) {
      return undefined;
    }
    const session = await sessionOf();
    if (session === undefined) {
      throw new Problem('unauthenticated', { reason: 'verification_without_session' });
    }
    const { flow = '' } = form;
    const isLink = request.method !== 'POST';
    const binding = form.names.has('code')
      ? isLink
        ? { flow, identity: valueOf(form, 'identity') ?? '', code: valueOf(form, 'code') ?? '' }
        : this.bindings.find(request, flow)
      : { flow, identity: ownerOf(session.identity, form) };
    const isCodeGiven = form.names.has('code') && !isLink;
    if (isLink && !form.names.has('code')) {
      // A code can be requested only by a form: a link that requests one could come from anyone.
      throw new Problem('account_mismatch', { reason: 'verification_asked_by_link' });
    }
    if (binding?.identity !== session.identity.id) {
      throw new Problem('account_mismatch', { reason: 'verification_of_another_account' });
    }
    if (isCodeGiven && binding.code !== undefined && binding.code !== valueOf(form, 'code')) {
      throw new Problem('account_mismatch', { reason: 'verification_by_another_code' });
    }
    return { session, binding, isCodeGiven };
  }

  /** Remembers whose address the flow verifies, after a mailed link was opened or a code was requested. */
  note(request: FastifyRequest, reply: FastifyReply, { binding, isCodeGiven }: VerificationStep): void {
    const location = reply.getHeader('location');
    const hasWorked = typeof location === 'string' ? location.includes(uiPath) : reply.statusCode === 200;
    if (!isCodeGiven && hasWorked) {
      this.bindings.add(request, reply, binding);
    }
  }
}

/** The identity's id, if a code is requested for one of its own addresses; otherwise an empty text. */
function ownerOf(identity: KratosIdentity, form: SubmittedForm): string {
  const email = foldIdentifier(valueOf(form, 'email') ?? '');
  const own = [identity.traits.email, ...identity.verifiable_addresses.map(({ value }) => value)];
  return own.some((address) => address !== undefined && foldIdentifier(address) === email) ? identity.id : '';
}

/** The value of a field that occurs exactly once. */
function valueOf({ fields }: SubmittedForm, name: string): string | undefined {
  const values = fields.filter(([key, value]) => spellingOf(key) === name && value !== '');
  return values.length === 1 ? values[0]?.[1] : undefined;
}
