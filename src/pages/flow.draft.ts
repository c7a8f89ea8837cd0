import type { Flow } from './flow.parser.js';

/** Puts back what somebody had typed into a form of the same kind; what the flow itself knows wins. */
export function withDraft(flow: Flow, fields: ReadonlyMap<string, string>): Flow {
  if (fields.size === 0) {
    return flow;
  }
  const nodes = flow.ui.nodes.map((node) => {
    if (node.type !== 'input' || node.attributes.type === 'hidden' || node.attributes.type === 'submit') {
      return node;
    }
    const draft = fields.get(node.attributes.name);
    const { value = '' } = node.attributes;
    return draft === undefined || value !== ''
      ? node
      : { ...node, attributes: { ...node.attributes, value: draft } };
  });
  return { ...flow, ui: { ...flow.ui, nodes } };
}
