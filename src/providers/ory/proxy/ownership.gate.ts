import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AccountOwnership, OwnershipProof } from '../../../accounts/account-ownership.service.js';
import type { RecoveryCodeRepository } from '../../../accounts/recovery-code.repository.js';
import type { AddressRights } from '../../../accounts/address-rights.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import type { HydraGrants } from '../hydra/hydra-grants.js';
import type { CredentialHolder, KratosClearance } from '../kratos/kratos-clearance.js';
import type { KratosClient } from '../kratos/kratos.client.js';
import { kratosFlowSchema, valuesOf } from '../kratos/kratos-flow.js';
import { type KratosSession, toProviderIdentity } from '../kratos/kratos-session.js';
import type { RevocationService } from '../../../session/revocation/revocation.service.js';
import { cookieAfter, sessionSetBy, withdraw } from './kratos-answer.js';
import type { SessionReader } from './exchange.js';
import type { OryLimits } from './ory-limits.js';
import { readSubmittedForm } from './submitted.form.js';
import type { VerificationGate, VerificationStep } from './verification.gate.js';
import { clientInfoOf } from '../../../platform/http/client-info.js';

/** Milliseconds within which Kratos verifies an address and begins the session of the same recovery. */
const oneGo = 5000;

/** Fields of the settings that add a passkey or a second factor. */
const enrolments: readonly string[] = [
  'totp_code',
  'webauthn_register',
  'passkey_settings_register',
  'passkey_register',
  'lookup_secret_regenerate',
  'lookup_secret_confirm',
  'lookup_secret_reveal',
];

/** A request that may prove who owns an account. */
type Act =
  | { readonly kind: 'verification'; readonly step: VerificationStep }
  /** `email`: the address that the code was mailed to; undefined if no code is given, or an administrator began the recovery. */
  | { readonly kind: 'recovery'; readonly email: string | undefined };

export interface OwnershipParts {
  readonly kratos: KratosClient;
  readonly clearance: KratosClearance;
  readonly grants: HydraGrants;
  readonly ownership: AccountOwnership;
  readonly revocations: RevocationService;
  readonly rights: AddressRights;
  readonly recoveries: Pick<RecoveryCodeRepository, 'requireMaker'>;
  readonly limits: Pick<OryLimits, 'forget'>;
  readonly verification: VerificationGate;
}

/**
 * Watches the forms that prove who owns an account, on their way to Kratos, and the answers (docs/adr/0023). Before the browser
 * learns that a verification or a recovery succeeded, anything that others had set up is removed.
 */
export class OwnershipGate {
  readonly #acts = new WeakMap<FastifyRequest, Act>();

  constructor(private readonly parts: OwnershipParts) {}

  /**
   * Call it before a request goes to Kratos.
   * @param path after the prefix.
   * @throws {Problem} `email_unverified`, `account_mismatch`, `unauthenticated`; `gone` for a recovery code whose maker may make none any
   *   more.
   */
  async admit(request: FastifyRequest, path: string, sessionOf: SessionReader): Promise<void> {
    switch (path) {
      case '/self-service/settings':
        return this.#admitEnrolment(request, sessionOf);
      case '/self-service/verification': {
        const step = await this.parts.verification.admit(request, sessionOf);
        if (step !== undefined) {
          if (step.isCodeGiven) {
            await this.parts.ownership.expectProof(toProviderIdentity(step.session.identity));
          }
          this.#acts.set(request, { kind: 'verification', step });
        }
        return;
      }
      case '/self-service/recovery': {
        const email = await this.#recoveredAddress(request);
        const found = email === undefined ? undefined : await this.parts.kratos.findIdentityByEmail(email);
        if (found !== undefined) {
          await this.parts.ownership.expectProof(toProviderIdentity(found));
        }
        this.#acts.set(request, { kind: 'recovery', email });
        return;
      }
      default:
    }
  }

  /** Call it after Kratos has answered and before its answer is passed on. @throws {Problem} when something can't be removed. */
  async settle(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const act = this.#acts.get(request);
    this.#acts.delete(request);
    if (act === undefined) {
      return;
    }
    try {
      if (act.kind === 'recovery') {
        await this.#settleRecovery(request, reply, act.email);
      } else {
        await this.#settleVerification(request, reply, act.step);
      }
    } catch (error) {
      // Nothing of the answer may be passed on: its session would give access to an account that isn't cleared.
      withdraw(reply);
      throw error;
    }
  }

  /** Refuses passkeys and second factors for an account whose address isn't proven. Those that it has can be removed. */
  async #admitEnrolment(request: FastifyRequest, sessionOf: SessionReader): Promise<void> {
    const { names } = await readSubmittedForm(request);
    if (!enrolments.some((name) => names.has(name))) {
      return;
    }
    const session = await sessionOf();
    if (session === undefined) {
      // Kratos refuses it, and names the page for logging in.
      return;
    }
    const identity = toProviderIdentity(session.identity);
    if (identity.email !== null && !(await this.parts.ownership.isProven(identity))) {
      throw new Problem('email_unverified', { reason: 'factor_unverified' });
    }
  }

  async #recoveredAddress(request: FastifyRequest): Promise<string | undefined> {
    const { names, flow } = await readSubmittedForm(request);
    if (!names.has('code') || flow === undefined) {
      return undefined;
    }
    await this.parts.recoveries.requireMaker(flow);
    const found = await this.parts.kratos.findFlow('recovery', flow, request.headers.cookie);
    const { data: recovery } = kratosFlowSchema.safeParse(found);
    return recovery && valuesOf(recovery, 'email')[0];
  }

  async #settleRecovery(
    request: FastifyRequest,
    reply: FastifyReply,
    email: string | undefined,
  ): Promise<void> {
    if (sessionSetBy(reply) === undefined) {
      return;
    }
    const { kratos, clearance, ownership } = this.parts;
    const cookie = cookieAfter(request, reply);
    const session =
      (await kratos.liveSession(cookie)) ??
      (email === undefined ? undefined : await clearance.findRecovered(email));
    if (session === undefined) {
      return;
    }
    const holder = await clearance.holder(session.identity.id);
    const identity = toProviderIdentity(holder);
    const proof = { by: 'mailbox' } as const;
    const { emailVerified, emailVerifiedAt = 0 } = identity;
    const isFirst = !emailVerified || emailVerifiedAt >= session.authenticated_at - oneGo;
    if ((await ownership.mustClear(identity, proof)) ?? isFirst) {
      await this.#clear(holder, session.id, cookie);
    }
    await this.#settle(request, holder, proof);
  }

  /**
   * Removes everything by which others may get in at Kratos, including sessions. The password goes first, because anyone who
   * knows it can begin new sessions. Then the second factors, because a session that still requires one can't end the others.
   * @param staying id of the recovery's session, which stays.
   * @param cookie of its browser.
   */
  async #clear(holder: CredentialHolder, staying: string, cookie: string): Promise<void> {
    const { clearance, ownership, grants, limits } = this.parts;
    const identity = toProviderIdentity(holder);
    await ownership.beginClearing(identity, staying);
    await clearance.replacePassword(holder);
    await clearance.removeFactors(holder, new Set());
    await clearance.endOtherSessions(cookie);
    // Once more: the sessions that have just ended may have set up something meanwhile.
    const left = await clearance.holderAtRest(holder.id);
    await clearance.replacePassword(holder);
    await clearance.removeFactors(left, new Set());
    await this.#removePasskeys(left, cookie);
    await limits.forget(identity.email === null ? [] : [identity.email], holder.id);
    await grants.revokeAll(holder.id);
  }

  async #settleVerification(
    request: FastifyRequest,
    reply: FastifyReply,
    step: VerificationStep,
  ): Promise<void> {
    const { clearance, ownership, verification } = this.parts;
    verification.note(request, reply, step);
    if (!step.isCodeGiven) {
      return;
    }
    const { session } = step;
    const holder = await clearance.holder(session.identity.id);
    const identity = toProviderIdentity(holder);
    if (!identity.emailVerified || (await ownership.isProven(identity))) {
      return;
    }
    const proof = { by: 'session', staying: session.id } as const;
    if ((await ownership.mustClear(identity, proof)) ?? true) {
      const cookie = cookieAfter(request, reply);
      const kept = methodsOf(session);
      await clearance.endOtherSessions(cookie);
      await clearance.removeFactors(holder, kept);
      if (!kept.has('passkey')) {
        await this.#removePasskeys(holder, cookie);
      }
    }
    await this.#settle(request, holder, proof);
  }

  async #removePasskeys(holder: CredentialHolder, cookie: string): Promise<void> {
    if ('passkey' in holder.credentials) {
      await this.parts.clearance.removePasskeys(holder.id, cookie);
    }
  }

  async #settle(request: FastifyRequest, holder: CredentialHolder, proof: OwnershipProof): Promise<void> {
    const { ownership, revocations, rights } = this.parts;
    const origin = clientInfoOf(request);
    const userId = await ownership.settle(toProviderIdentity(holder), proof, origin);
    if (userId !== undefined) {
      // Tokens that state otherwise are outdated from now on.
      await revocations.invalidate('user', userId);
      await rights.give(userId, origin);
    }
  }
}

/** The methods by which the session was authenticated. Anyone who has the session has those, too. */
function methodsOf(session: KratosSession): ReadonlySet<string> {
  return new Set(session.authentication_methods.map(({ method }) => method));
}
