import type { FastifyReply, FastifyRequest } from 'fastify';
import type { UserNames } from '../../../accounts/user-names.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { fullNameOf } from '../kratos/kratos-session.js';
import type { FormRefusals } from './form-refusals.js';
import { type SubmittedForm, readSubmittedForm, spellingOf } from './submitted.form.js';

/** Flows in which a name is given. */
const naming = /^\/self-service\/(?:login|registration|settings)$/;

/**
 * Refuses reserved names on their way to Kratos, and those that show something else than they are. One that a user has already, which an
 * administrator gave, stays. Kratos makes an account of the traits of a login's form, too, if the provider's user is unknown: a login has none.
 */
export class NameGate {
  constructor(
    private readonly names: UserNames,
    private readonly refusals: FormRefusals,
  ) {}

  /**
   * Checks a form that is about to be passed on, whatever its content type.
   * @param path after the prefix.
   * @returns whether it was answered here.
   * @throws {Problem} `malformed_request`, `validation_failed`; as {@link readSubmittedForm} and {@link FormRefusals.answer};
   * `provider_unavailable`
   */
  async refuses(request: FastifyRequest, reply: FastifyReply, path: string): Promise<boolean> {
    if (!naming.test(path)) {
      return false;
    }
    const form = await readSubmittedForm(request);
    if (path.endsWith('login')) {
      requireNoTraits(form);
      return false;
    }
    const refused = namesIn(form).filter(
      (name) => !this.names.isReadable(name) || this.names.isReserved(name),
    );
    if (refused.length === 0) {
      return false;
    }
    const kind = path.endsWith('settings') ? 'settings' : 'registration';
    const flow = await this.refusals.find(kind, form, request);
    if (flow === undefined && kind === 'registration') {
      // Nobody has a name yet that could stay.
      refused.forEach((name) => this.names.require(name));
    }
    const own = fullNameOf(flow?.identity?.traits.name);
    if (refused.every((name) => name === own)) {
      return false;
    }
    const fault = refused.every((name) => this.names.isReadable(name)) ? 'name' : 'characters';
    await this.refusals.answer(request, reply, { kind, form, flow }, { fault, advice: [] });
    return true;
  }
}

/** @throws {Problem} `malformed_request` */
function requireNoTraits({ names }: SubmittedForm): void {
  if ([...names].some((name) => /^traits\b/.test(name))) {
    throw new Problem('malformed_request', {
      detail: 'A login has no traits: they are given at the registration and in the settings.',
      reason: 'traits_at_login',
    });
  }
}

/** The names that a form may give, whether it is one trait or of a first and a last one. */
function namesIn({ fields }: SubmittedForm): readonly string[] {
  const valuesOf = (wanted: string): readonly string[] =>
    fields.flatMap(([field, value]) => (spellingOf(field) === wanted ? [value] : []));
  const lasts = ['', ...valuesOf('traits.name.last')];
  const composed = ['', ...valuesOf('traits.name.first')].flatMap((first) =>
    lasts.map((last) => `${first} ${last}`.trim()),
  );
  return [...valuesOf('traits.name'), ...composed];
}
