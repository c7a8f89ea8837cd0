import type { FastifyReply, FastifyRequest } from 'fastify';
import type { PasswordPolicy, RefusedPassword } from '../../../platform/passwords/password.policy.js';
import type { FormRefusals } from './form-refusals.js';
import { type SubmittedForm, readSubmittedForm, spellingOf } from './submitted.form.js';

/** Flows in which a password is chosen; a recovery ends in the settings. */
const choosing = /^\/self-service\/(?:registration|settings)$/;

/** Refuses weak passwords on their way to Kratos. */
export class PasswordGate {
  constructor(
    private readonly policy: PasswordPolicy,
    private readonly refusals: FormRefusals,
  ) {}

  /**
   * Checks a form that is about to be passed on, whatever its HTTP method and content type.
   * @param path after the prefix.
   * @returns whether it was answered here.
   * @throws {Problem} as {@link readSubmittedForm} and {@link FormRefusals.answer}; `provider_unavailable`
   */
  async refuses(request: FastifyRequest, reply: FastifyReply, path: string): Promise<boolean> {
    if (!choosing.test(path)) {
      return false;
    }
    const kind = path.endsWith('settings') ? 'settings' : 'registration';
    const form = await readSubmittedForm(request);
    const passwords = form.fields.flatMap(([name, value]) =>
      spellingOf(name) === 'password' && value !== '' ? [value] : [],
    );
    if (passwords.length === 0) {
      return false;
    }
    const flow = await this.refusals.find(kind, form, request);
    const refused = await this.#firstRefused(passwords, [
      ...typedTraits(form),
      ...textsIn(flow?.identity?.traits),
    ]);
    if (refused === undefined) {
      return false;
    }
    await this.refusals.answer(request, reply, { kind, form, flow }, refused);
    return true;
  }

  async #firstRefused(
    passwords: readonly string[],
    own: readonly string[],
  ): Promise<RefusedPassword | undefined> {
    for (const password of passwords) {
      const refused = await this.policy.check(password, own);
      if (refused !== undefined) {
        return refused;
      }
    }
    return undefined;
  }
}

/** The person's own name and address, as typed into this form. */
function typedTraits({ fields }: SubmittedForm): string[] {
  return fields.flatMap(([name, value]) => (spellingOf(name).startsWith('traits.') ? textsIn(value) : []));
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') {
    // A picture's URL reveals nothing about the person.
    return /^https?:/.test(value) ? [] : [value];
  }
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
