import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Problem } from '../../../platform/errors/problem.error.js';
import { acceptsHtml } from '../../../platform/http/navigation.js';
import type { KratosClient } from '../kratos/kratos.client.js';
import { nameTraitSchema } from '../kratos/kratos-session.js';
import type { LanguageCatalogue } from '../../../platform/i18n/language.catalogue.js';
import type { FormDrafts } from './form-draft.js';
import { type FieldMessage, type FormRefusal, fieldOf, refusalMessage } from './refusal-message.js';
import type { SubmittedForm } from './submitted.form.js';

const flowSchema = z.looseObject({
  id: z.string(),
  return_to: z.string().optional().catch(undefined),
  identity: z
    .looseObject({
      id: z.string(),
      traits: z.looseObject({
        email: z.string().optional().catch(undefined),
        name: nameTraitSchema.optional().catch(undefined),
      }),
    })
    .optional()
    .catch(undefined),
  ui: z.looseObject({ nodes: z.array(z.unknown()) }),
});
const nodeSchema = z.looseObject({ attributes: z.looseObject({ name: z.string() }) });

/** Flows whose forms the gateway may send back. */
export type RefusableKind = 'registration' | 'settings';
/** A flow as Kratos holds it. */
export type KratosFlow = z.output<typeof flowSchema>;

/** A form, and the flow that it belongs to. */
export interface FlowForm {
  readonly kind: RefusableKind;
  readonly form: SubmittedForm;
  /** Undefined if it can't be read: Kratos may take the form all the same, for it compares other things then. */
  readonly flow: KratosFlow | undefined;
}

/** Sends back forms that the gateway itself refuses, in the way that Kratos does: with the flow and a message at the field. */
export class FormRefusals {
  constructor(
    private readonly kratos: KratosClient,
    private readonly drafts: FormDrafts,
    private readonly languages: LanguageCatalogue,
    private readonly publicUrl: string,
    private readonly minimumLength: number,
  ) {}

  /** Reads the flow of a form. @returns undefined if it's unknown, expired or another browser's. */
  async find(
    kind: RefusableKind,
    { flow }: SubmittedForm,
    { headers }: FastifyRequest,
  ): Promise<KratosFlow | undefined> {
    return flow === undefined
      ? undefined
      : flowSchema.safeParse(await this.kratos.findFlow(kind, flow, headers.cookie)).data;
  }

  /** Sends a form back. @throws {Problem} `malformed_request` if there is no flow to send it back with: it's never passed on. */
  async answer(
    request: FastifyRequest,
    reply: FastifyReply,
    { kind, form, flow }: FlowForm,
    refusal: FormRefusal,
  ): Promise<void> {
    const { drafts, languages, publicUrl, minimumLength } = this;
    const field = fieldOf(refusal);
    if (flow === undefined) {
      throw new Problem('malformed_request', {
        detail: 'The form has expired or belongs to another browser. Open its page again.',
        reason: 'form_flow_unreadable',
      });
    }
    request.log.info({ reason: `form_refused_${refusal.fault}`, field }, 'a form was sent back');
    if (acceptsHtml(request)) {
      drafts.refuse(request, reply, form, flow.id, refusal);
      await reply.redirect(`${publicUrl}/ui/${kind}?${new URLSearchParams({ flow: flow.id })}`, 303);
      return;
    }
    const language = languages.of(request.headers['accept-language']);
    const message = refusalMessage(refusal, minimumLength, language);
    await reply.code(400).send(withMessage(flow, form, field, message));
  }
}

/** The flow as Kratos would return it: with the typed values and the error message. */
function withMessage(flow: KratosFlow, form: SubmittedForm, field: string, message: FieldMessage): unknown {
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
      messages: name === field ? [message] : [],
    };
  });
  return { ...flow, ui: { ...flow.ui, nodes, messages: [] } };
}
