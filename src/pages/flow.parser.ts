import { z } from 'zod';
import { unavailable } from '../platform/upstream/vendor-call.js';

// The part of a Kratos self-service flow that the pages render. Kratos adds node types and attributes between versions, so
// parsing is lenient: an unknown node is left out, and an attribute with an unexpected value counts as absent. Parsing fails
// only without what every page needs: an id, and an action on http or https.

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

/**
 * Whether an address is on http or https: `javascript:` and similar schemes must never become a link, an image or a form's
 * target.
 */
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

/** The values in Kratos' texts (names, limits, reasons), for wording the same message differently. */
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
  /** `provider` is the name of another identity provider, on the buttons that log in with it. */
  context: contextSchema,
});

/** Functions of Kratos' webauthn.js that use the browser's passkeys and security keys. */
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

/** What every node has: its group, messages and label. */
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
      /** Backup codes come as a list, in addition to the comma-separated text. */
      context: z.object({ secrets: listOf(z.object({ text: z.string() })) }).catch({ secrets: [] }),
    }),
  }),
});

/** Kratos' webauthn.js, which the nodes with a trigger need. It isn't in the union: it belongs to the page, not to the form. */
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
  issued_at: optionalText,
  state: optionalText,
  ui: z.preprocess(
    (ui) => (typeof ui === 'object' && ui !== null && 'nodes' in ui ? { ...ui, scripts: ui.nodes } : ui),
    z.object({
      /** Absolute URL on PUBLIC_URL; Kratos builds it from its own base URL. */
      action: absoluteWebAddress,
      method: z.stringFormat('method', /^(get|post)$/i).catch('POST'),
      nodes: listOf(nodeSchema),
      scripts: listOf(scriptSchema),
      messages: listOf(messageSchema),
    }),
  ),
});

/** A self-service flow, reduced to what is rendered. Property names are Kratos' own. */
export type Flow = z.output<typeof flowSchema>;
/** One element of a flow's form. */
export type FlowNode = Flow['ui']['nodes'][number];
/** A field, a hidden value or a button. */
export type InputNode = Extract<FlowNode, { type: 'input' }>;
/** A message from Kratos to the person, about the flow or about one node. */
export type FlowMessage = Flow['ui']['messages'][number];
/** The label of a field or a button. */
export type FlowLabel = z.output<typeof labelSchema>;

/**
 * Parses a flow from Kratos' response.
 *
 * @param input - the JSON of `GET /self-service/{kind}/flows?id=`, not trusted
 * @returns the flow, without the nodes that the pages don't know
 * @throws {Problem} `provider_unavailable` if it has no id, or no form action on http or https
 */
export function parseFlow(input: unknown): Flow {
  const parsed = flowSchema.safeParse(input);
  if (!parsed.success) {
    throw unavailable('kratos_flow_unreadable', parsed.error);
  }
  return parsed.data;
}
