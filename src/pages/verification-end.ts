import type { Flow, FlowNode } from './flow.parser.js';

/**
 * Makes a finished verification continue with a new login at the gateway. Kratos' own link leads to the `return_to` of the
 * flow that mailed the code. After a registration, that is a challenge of Hydra's which was answered long ago.
 *
 * @param target the login's start, which asks for nothing if Kratos has a session.
 */
export function withOwnEnd(flow: Flow, target: string): Flow {
  const nodes = flow.ui.nodes.map((node) =>
    node.type === 'a' ? { ...node, attributes: { ...node.attributes, href: target } } : node,
  );
  return { ...flow, ui: { ...flow.ui, nodes } };
}

/** Kratos' label "Continue". */
const onward = { id: 1_070_009, text: 'Continue', context: {} };

/** Kratos' message that a link was used before. Anyone may open it twice, or have a mail scanner that opens it first. */
const usedLink = 4_070_002;

/**
 * Completes a verification whose address is already verified, for example by an accepted invitation: Kratos would answer the
 * code with an error. A flow that has ended or shows another error stays as it is.
 */
export function withoutNeed(flow: Flow): Flow {
  const { state, ui } = flow;
  const isTold = ui.messages.some(({ id, type }) => type === 'error' && id !== usedLink);
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
