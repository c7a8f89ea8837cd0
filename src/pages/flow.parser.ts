import { z } from 'zod';

// The part of a Kratos self-service flow that the pages render. Kratos adds node types and attributes between versions,
// so reading is lenient: a node that isn't understood is left out, an attribute with an odd value counts as absent.
// Only what no page can do without (an id and an action on http or https) makes parsing fail.

function listOf<Schema extends z.ZodType>(schema: Schema) {
  return z
    .array(z.unknown())
    .catch([])
    .transform((items) =>
      items.flatMap((item) => {
        const parsed = schema.safeParse(item);
        return parsed.success ? [parsed.data] : [];
      }),
    );
}

/** `javascript:` and its relatives must never become a link, an image or a form's target. */
function isWebAddress(address: string): boolean {
  const base = 'http://relative.invalid';
  return URL.canParse(address, base) && /^https?:$/.test(new URL(address, base).protocol);
}

const webAddress = z.string().refine(isWebAddress);
const imageSource = z.string().refine((source) => /^data:image\//i.test(source) || isWebAddress(source));
const absoluteWebAddress = z.string().refine((address) => URL.canParse(address) && isWebAddress(address));
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const optionalText = z.string().optional().catch(undefined);
const flag = z.boolean().catch(false);
const size = z.int().positive().optional().catch(undefined);

/** What Kratos' texts were made of (names, limits, reasons), for saying the same in other words. */
const contextSchema = z
  .record(z.string(), z.unknown())
  .catch({})
  .transform((context): Readonly<Record<string, string | number>> =>
    Object.fromEntries(
      Object.entries(context).flatMap(([name, value]) =>
        typeof value === 'string' || typeof value === 'number' ? [[name, value]] : [],
      ),
    ),
  );

const messageSchema = z.object({
  id: z.number(),
  text: z.string(),
  context: contextSchema,
  type: z.enum(['info', 'error', 'success']).catch('info'),
});

const labelSchema = z.object({
  id: z.number(),
  text: z.string(),
  /** `provider` is another identity provider's name, on the buttons that lead to it. */
  context: contextSchema,
});

/** Functions of Kratos' webauthn.js, by which a browser's passkeys and security keys are reached. */
const triggerSchema = z
  .enum([
    'oryPasskeyLogin',
    'oryPasskeyLoginAutocompleteInit',
    'oryPasskeyRegistration',
    'oryPasskeySettingsRegistration',
    'oryWebAuthnLogin',
    'oryWebAuthnRegistration',
  ])
  .optional()
  .catch(undefined);

/** Attributes of the node itself and what Kratos says about it. */
const nodeShape = {
  group: z.string().catch('default'),
  messages: listOf(messageSchema),
  meta: z.object({ label: labelSchema.optional().catch(undefined) }).catch({ label: undefined }),
};

const inputSchema = z.object({
  ...nodeShape,
  type: z.literal('input'),
  attributes: z.object({
    name: z.string().min(1),
    type: z.string().catch('text'),
    value: scalar.optional().catch(undefined),
    required: flag,
    disabled: flag,
    autocomplete: optionalText,
    pattern: optionalText,
    maxlength: size,
    onclickTrigger: triggerSchema,
    onloadTrigger: triggerSchema,
  }),
});

const anchorSchema = z.object({
  ...nodeShape,
  type: z.literal('a'),
  attributes: z.object({ href: webAddress, title: labelSchema.optional().catch(undefined) }),
});

const imageSchema = z.object({
  ...nodeShape,
  type: z.literal('img'),
  attributes: z.object({ src: imageSource, width: size, height: size }),
});

const textSchema = z.object({
  ...nodeShape,
  type: z.literal('text'),
  attributes: z.object({
    text: z.object({
      id: z.number(),
      text: z.string(),
      /** Backup codes come as a list beside the comma-separated text. */
      context: z.object({ secrets: listOf(z.object({ text: z.string() })) }).catch({ secrets: [] }),
    }),
  }),
});

/** Kratos' webauthn.js, which the nodes with a trigger need. Not in the union: it is the page's, not the form's. */
const scriptSchema = z.object({
  type: z.literal('script'),
  attributes: z.object({ src: webAddress, integrity: optionalText }),
});

const nodeSchema = z.discriminatedUnion('type', [inputSchema, anchorSchema, imageSchema, textSchema]);

const flowSchema = z.object({
  id: z.string(),
  return_to: optionalText,
  refresh: flag,
  requested_aal: optionalText,
  state: optionalText,
  ui: z.preprocess(
    (ui) => (typeof ui === 'object' && ui !== null && 'nodes' in ui ? { ...ui, scripts: ui.nodes } : ui),
    z.object({
      /** Absolute, on PUBLIC_URL: Kratos makes it from its own base URL. */
      action: absoluteWebAddress,
      method: z.stringFormat('method', /^(get|post)$/i).catch('POST'),
      nodes: listOf(nodeSchema),
      scripts: listOf(scriptSchema),
      messages: listOf(messageSchema),
    }),
  ),
});

/** A self-service flow, reduced to what is rendered; names are Kratos' own. */
export type Flow = z.output<typeof flowSchema>;
/** One element of a flow's form. */
export type FlowNode = Flow['ui']['nodes'][number];
/** A field, a hidden value or a button. */
export type InputNode = Extract<FlowNode, { type: 'input' }>;
/** Something Kratos tells the person, about the flow or about one node. */
export type FlowMessage = Flow['ui']['messages'][number];
/** What a field or a button is called. */
export type FlowLabel = z.output<typeof labelSchema>;

/**
 * Reads a flow as Kratos answered it.
 *
 * @param input - the JSON of `GET /self-service/{kind}/flows?id=`, not trusted
 * @returns the flow, without the nodes that the pages don't know
 * @throws {z.ZodError} when it has no id, or no form action on http or https
 */
export function parseFlow(input: unknown): Flow {
  return flowSchema.parse(input);
}
