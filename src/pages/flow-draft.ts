import type { FormDraft } from '../providers/ory/proxy/form-draft.js';
import type { FieldMessage } from '../providers/ory/proxy/refusal-message.js';
import type { Flow, FlowNode } from './flow.parser.js';
import type { FlowKind } from './views/flow-plan.js';

/** Restores what was typed into the form of an expired flow. Values that the new flow has already take precedence. */
export function withDraft(flow: Flow, fields: FormDraft['fields']): Flow {
  return fields.size === 0 ? flow : withNodes(flow, (node) => filled(node, fields, false));
}

/** Maximum characters of a hint: no address is longer (RFC 5321 section 4.5.3.1.3). */
const longestHint = 256;
/** Characters that nobody types, and that could make a field show something else: controls, and overrides of the direction. */
const invisible = /[\p{C}\p{Zl}\p{Zp}]/u;
/** The field of each form that says who the person is. */
const hintedFields: Readonly<Partial<Record<FlowKind, string>>> = {
  login: 'identifier',
  registration: 'traits.email',
  recovery: 'email',
};

/**
 * Fills in whom an application expects to log in (`login_hint`, OpenID Connect Core section 3.1.2.1), where a field for it is still
 * empty. Anyone can write such a hint, so it's only text in a field that the person sees and can change.
 */
export function withLoginHint(kind: FlowKind, flow: Flow, given: string | undefined): Flow {
  const hint = given?.trim() ?? '';
  const field = hintedFields[kind];
  const isShowable = hint !== '' && hint.length <= longestHint && !invisible.test(hint);
  return field !== undefined && isShowable ? withDraft(flow, new Map([[field, hint]])) : flow;
}

/** The flow of a form that the gateway refused: with the values as typed, and this message instead of any older ones. */
export function withRefusal(
  flow: Flow,
  fields: FormDraft['fields'],
  field: string,
  message: FieldMessage,
): Flow {
  const marked = withNodes(flow, (node) => {
    const isMeant = node.type === 'input' && node.attributes.name === field;
    return { ...filled(node, fields, true), messages: isMeant ? [message] : [] };
  });
  return { ...marked, ui: { ...marked.ui, messages: [] } };
}

function withNodes(flow: Flow, change: (node: FlowNode) => FlowNode): Flow {
  return { ...flow, ui: { ...flow.ui, nodes: flow.ui.nodes.map(change) } };
}

function filled(node: FlowNode, fields: FormDraft['fields'], draftWins: boolean): FlowNode {
  if (node.type !== 'input' || node.attributes.type === 'hidden' || node.attributes.type === 'submit') {
    return node;
  }
  const draft = fields.get(node.attributes.name);
  const { value = '' } = node.attributes;
  return draft === undefined || (value !== '' && !draftWins)
    ? node
    : { ...node, attributes: { ...node.attributes, value: draft } };
}
