import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../core/problem.error.js';
import type { KratosClient } from '../kratos/kratos.client.js';
import type { KratosIdentity, KratosSession } from '../kratos/kratos.session.js';
import { type SubmittedForm, readSubmittedForm } from './submitted.form.js';
import type { VerificationBindings, VerificationFlow } from './verification.binding.js';

/** Where Kratos sends a browser on to whose link or form it has taken. */
const uiPath = '/ui/verification?';

/** What a request to the verification endpoint is about to do. */
export interface VerificationStep {
  /** The session in which it's done; its identity is the only one that can be verified. */
  readonly session: KratosSession;
  readonly binding: VerificationFlow;
  /** Whether a code is used up by it; otherwise one is asked for, or shown to be confirmed. */
  readonly isCodeGiven: boolean;
}

/**
 * Lets a code that verifies an address through only in a session of the account that it was mailed for. An owner who opens the link of
 * a registration that wasn't theirs would verify what an outsider has set up (docs/adr/0023).
 */
export class VerificationGate {
  readonly #kratos: KratosClient;
  readonly #bindings: VerificationBindings;

  constructor(kratos: KratosClient, bindings: VerificationBindings) {
    this.#kratos = kratos;
    this.#bindings = bindings;
  }

  /**
   * @returns nothing where no code is involved.
   * @throws {Problem} `unauthenticated` without a session, `account_mismatch` in that of another account.
   */
  async admit(request: FastifyRequest): Promise<VerificationStep | undefined> {
    const form = await readSubmittedForm(request);
    if (!form.names.has('code') && !form.names.has('email')) {
      return undefined;
    }
    const whoami = await this.#kratos.whoami(request.headers.cookie);
    if (whoami.state !== 'live') {
      throw new Problem('unauthenticated', { reason: 'verification_without_session' });
    }
    const { session } = whoami;
    const { flow = '' } = form;
    const isLink = request.method !== 'POST';
    const binding = form.names.has('code')
      ? isLink
        ? { flow, identity: valueOf(form, 'identity') ?? '', code: valueOf(form, 'code') ?? '' }
        : this.#bindings.find(request, flow)
      : { flow, identity: ownerOf(session.identity, form) };
    const isCodeGiven = form.names.has('code') && !isLink;
    if (isLink && !form.names.has('code')) {
      // A code is asked for by a form alone: a link that did it could be anyone's.
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

  /** Remembers whom the flow is for, where it was opened by a mailed link or a code was asked for. */
  note(request: FastifyRequest, reply: FastifyReply, { binding, isCodeGiven }: VerificationStep): void {
    const location = reply.getHeader('location');
    const hasWorked = typeof location === 'string' ? location.includes(uiPath) : reply.statusCode === 200;
    if (!isCodeGiven && hasWorked) {
      this.#bindings.add(request, reply, binding);
    }
  }
}

/** The identity, if it's its own address that a code is asked for. */
function ownerOf(identity: KratosIdentity, form: SubmittedForm): string {
  const email = valueOf(form, 'email')?.trim().toLowerCase();
  const own = [identity.traits.email, ...identity.verifiable_addresses.map(({ value }) => value)];
  return own.some((address) => address?.toLowerCase() === email) ? identity.id : '';
}

/** The value of a field that is there exactly once. */
function valueOf({ fields }: SubmittedForm, name: string): string | undefined {
  const values = fields.filter(([key, value]) => key.toLowerCase() === name && value !== '');
  return values.length === 1 ? values[0]?.[1] : undefined;
}
