import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { acceptsHtml } from '../http/navigation.js';
import type { FlowKind, KratosClient } from '../kratos/kratos.client.js';
import type { LanguageCatalogue } from '../languages/language.catalogue.js';
import type { PasswordPolicy, RefusedPassword } from '../passwords/password.policy.js';
import type { FormDrafts } from './form.draft.js';
import { type PasswordMessage, passwordMessage } from './password.message.js';
import { type SubmittedForm, readSubmittedForm } from './submitted.form.js';

/** Flows in which a password is chosen; a recovery ends in the settings. */
const choosing = /^\/self-service\/(registration|settings)$/;

const flowSchema = z.looseObject({
  identity: z.looseObject({ traits: z.unknown() }).optional().catch(undefined),
  ui: z.looseObject({ nodes: z.array(z.unknown()) }),
});
const nodeSchema = z.looseObject({
  attributes: z.looseObject({ name: z.string() }),
});

/** What the gate asks. */
export interface PasswordGateParts {
  readonly policy: PasswordPolicy;
  readonly kratos: KratosClient;
  readonly drafts: FormDrafts;
  readonly languages: LanguageCatalogue;
  readonly publicUrl: string;
}

/** Refuses weak passwords on their way to Kratos, and answers as Kratos does: with the flow and a message at its field. */
export class PasswordGate {
  readonly #parts: PasswordGateParts;

  constructor(parts: PasswordGateParts) {
    this.#parts = parts;
  }

  /**
   * Looks at a form that is about to be passed on, by whatever method and in whatever form.
   * @param path after the prefix.
   * @returns whether it was answered here.
   * @throws {Problem} as {@link readSubmittedForm}; `provider_unavailable`
   */
  async refuses(request: FastifyRequest, reply: FastifyReply, path: string): Promise<boolean> {
    const kind = choosing.exec(path)?.[1] === 'settings' ? 'settings' : 'registration';
    if (!choosing.test(path)) {
      return false;
    }
    const form = await readSubmittedForm(request);
    // Kratos compares names as Go's JSON decoder does: without case.
    const passwords = form.fields.flatMap(([name, value]) =>
      name.toLowerCase() === 'password' && value !== '' ? [value] : [],
    );
    if (passwords.length === 0 || form.flow === undefined) {
      return false;
    }
    const flow = flowSchema.safeParse(await this.#flow(kind, form.flow, request)).data;
    const own = [...typedTraits(form), ...textsIn(flow?.identity?.traits)];
    const refused = await this.#firstRefused(passwords, own);
    // Of a flow that isn't this browser's, or has expired, Kratos itself tells.
    if (refused === undefined || flow === undefined) {
      return false;
    }
    await this.#answer(request, reply, { kind, id: form.flow, form, flow, refused });
    return true;
  }

  async #flow(kind: FlowKind, id: string, { headers }: FastifyRequest): Promise<unknown> {
    return this.#parts.kratos.findFlow(kind, id, headers.cookie);
  }

  async #firstRefused(
    passwords: readonly string[],
    own: readonly string[],
  ): Promise<RefusedPassword | undefined> {
    for (const password of passwords) {
      const refused = await this.#parts.policy.check(password, own);
      if (refused !== undefined) {
        return refused;
      }
    }
    return undefined;
  }

  async #answer(
    request: FastifyRequest,
    reply: FastifyReply,
    { kind, id, form, flow, refused }: Refusal,
  ): Promise<void> {
    const { policy, drafts, languages, publicUrl } = this.#parts;
    request.log.info({ reason: `password_${refused.fault}` }, 'a password was refused');
    if (acceptsHtml(request)) {
      drafts.refuse(request, reply, id, form, refused);
      await reply.redirect(`${publicUrl}/ui/${kind}?${new URLSearchParams({ flow: id })}`, 303);
      return;
    }
    const language = languages.of(request.headers['accept-language']);
    const message = passwordMessage(refused, policy.minimumLength, language);
    await reply.code(400).send(withMessage(flow, form, message));
  }
}

interface Refusal {
  readonly kind: FlowKind;
  readonly id: string;
  readonly form: SubmittedForm;
  readonly flow: z.output<typeof flowSchema>;
  readonly refused: RefusedPassword;
}

/** What a person has just typed of their own name and address. */
function typedTraits({ fields }: SubmittedForm): string[] {
  return fields.flatMap(([name, value]) => (name.toLowerCase().startsWith('traits.') ? [value] : []));
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') {
    // A picture's address says nothing about the person.
    return /^https?:/.test(value) ? [] : [value];
  }
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** The flow as Kratos would answer it: with what was typed, and what is wrong. */
function withMessage(flow: Refusal['flow'], form: SubmittedForm, message: PasswordMessage): unknown {
  const typed = new Map(form.fields);
  const nodes = flow.ui.nodes.map((node) => {
    const parsed = nodeSchema.safeParse(node).data;
    if (parsed === undefined) {
      return node;
    }
    const { name } = parsed.attributes;
    const value = name.startsWith('traits.') ? typed.get(name) : undefined;
    return {
      ...parsed,
      attributes: { ...parsed.attributes, ...(value === undefined ? {} : { value }) },
      messages: name === 'password' ? [message] : [],
    };
  });
  return { ...flow, ui: { ...flow.ui, nodes, messages: [] } };
}
