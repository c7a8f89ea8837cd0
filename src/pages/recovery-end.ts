import type { KratosSession } from '../providers/ory/kratos/kratos-session.js';
import type { Flow } from './flow.parser.js';
import { recoveredMessage } from './views/flow-wording.js';

/** Kratos' names of the methods by which an account is recovered. */
const recoveryMethods: ReadonlySet<string> = new Set(['code_recovery', 'link_recovery']);

/** Milliseconds within which Kratos begins the flow, on a busy machine, too. */
const rightAfter = 60_000;

/** Whether Kratos has just said in this flow that the account is recovered. It says so once, and not after a second factor. */
export function saysRecovered({ ui }: Flow): boolean {
  return ui.messages.some(({ id }) => id === recoveredMessage);
}

/** Whether a login was a recovery. @param methods Kratos' names, as `amr` has them. */
export function recovers(methods: readonly string[]): boolean {
  return methods.some((method) => recoveryMethods.has(method));
}

/**
 * Whether a flow belongs to the recovery by which a session began. Users with a second factor are logged in by it, and Kratos begins
 * the flow right after that; one that they begin later is an ordinary one.
 * @param isVisitor whether there is no session here yet.
 */
export function isOfRecovery(
  { authentication_methods: methods, authenticator_assurance_level: level }: KratosSession,
  { issued_at: begun }: Flow,
  isVisitor: boolean,
): boolean {
  const latest = Math.max(...methods.map(({ completed_at: completedAt = 0 }) => completedAt));
  return (
    recovers(methods.map(({ method }) => method)) &&
    (isVisitor || (level === 'aal2' && Date.parse(begun ?? '') < latest + rightAfter))
  );
}

/** The flow of a recovered account, with Kratos' message where Kratos left it out. */
export function withRecovered(flow: Flow): Flow {
  const message = { id: recoveredMessage, text: '', context: {}, type: 'success' } as const;
  return flow.state === 'success' || flow.ui.messages.length > 0
    ? flow
    : { ...flow, ui: { ...flow.ui, messages: [message] } };
}
