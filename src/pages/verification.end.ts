import type { Flow } from './flow.parser.js';

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
