import type { FormDraft } from '../proxy/form.draft.js';
import type { FieldMessage } from '../proxy/refusal.message.js';
import type { Flow, FlowNode } from './flow.parser.js';

/** Puts back what was typed into a form of an expired flow; what the flow itself knows wins. */
export function withDraft(flow: Flow, fields: FormDraft['fields']): Flow {
  return fields.size === 0 ? flow : withNodes(flow, (node) => filled(node, fields, false));
}

/** The page of a flow whose form the gateway sent back: as it was typed, with this message and no older one. */
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
