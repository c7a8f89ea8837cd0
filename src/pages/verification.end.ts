import type { Flow, FlowNode } from './flow.parser.js';

/**
 * Leads on from a finished verification to a new login at the gateway. Kratos' own link goes to the `return_to` of the flow that
 * the code was mailed by: after a registration that is a challenge of Hydra's, which was answered long ago.
 *
 * @param target the login's start, which asks for nothing where Kratos has a session.
 */
export function withOwnEnd(flow: Flow, target: string): Flow {
  const nodes = flow.ui.nodes.map((node) =>
    node.type === 'a' ? { ...node, attributes: { ...node.attributes, href: target } } : node,
  );
  return { ...flow, ui: { ...flow.ui, nodes } };
}

/** Kratos' label "Continue". */
const onward = { id: 1_070_009, text: 'Continue', context: {} };

/**
 * The end of a verification whose address is verified already, say by an accepted invitation: what Kratos would answer to the code is an
 * error. A flow that has ended, or says what went wrong, stays as it is.
 */
export function withoutNeed(flow: Flow): Flow {
  const { state, ui } = flow;
  const isTold = ui.messages.some(({ type }) => type === 'error');
  if (state === 'passed_challenge' || isTold) {
    return flow;
  }
  const node: FlowNode = {
    type: 'a',
    group: 'code',
    messages: [],
    meta: { label: onward },
    attributes: { href: ui.action, title: onward },
  };
  return { ...flow, state: 'passed_challenge', ui: { ...ui, nodes: [node], messages: [] } };
}
