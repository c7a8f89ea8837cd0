import type { VNode } from 'preact';
import type { Flow, FlowNode, InputNode } from '../flow.parser.js';
import { CopyButton } from './copy-field.view.js';
import { FlowField } from './flow-field.view.js';
import { FieldMessages } from './flow-message.view.js';
import { SubmitButton } from './flow-button.view.js';
import { type FlowKind, type FormPlan, isScripted, isSubmit, isTrigger } from './flow-plan.js';
import { labelWording } from './flow-wording.js';
import { useLanguage } from './page-props.js';
import { Scripted } from './scripted.view.js';

/** Names of fields with the identifier that a person logs in with. */
const ACCOUNT_NAMES: ReadonlySet<string> = new Set(['identifier', 'traits.email', 'traits.username']);

interface FlowFormProps {
  readonly kind: FlowKind;
  readonly flow: Flow;
  readonly plan: FormPlan;
  /** Unique on the page; the fields' ids are derived from it. */
  readonly id: string;
  /** Whether it's the page's main form. If not, none of its buttons is the page's main one. */
  readonly primary: boolean;
  /** The field that has the focus when the page opens. */
  readonly focused?: InputNode | undefined;
}

/** One form of a flow's page. Enter presses its first button. */
export function FlowForm({ kind, flow, plan, id, primary, focused }: FlowFormProps): VNode {
  const { text, tag } = useLanguage();
  const nodes = plan.sections.flat();
  const mainButton = nodes.find(isSubmit);
  const content = plan.sections.map((section, index) => (
    <Scripted key={index} when={!plan.scripted && isScripted(section)}>
      {index > 0 && <p class="divider">{text('common.or')}</p>}
      {hiddenFirst(section).map((node, position) => (
        <FlowElement
          key={position}
          kind={kind}
          node={node}
          id={`${id}-${index}-${position}`}
          enforced={index === 0}
          // Only the main button validates the fields: the others don't need them filled in.
          isMain={node === mainButton}
          primary={primary}
          focused={focused}
        />
      ))}
    </Scripted>
  ));
  // A form that can't be submitted would only get in the way of screen readers.
  if (!mainButton && !plan.scripted) return <div class="flow">{content}</div>;
  return (
    <form class={plan.social ? 'flow social' : 'flow'} action={actionOf(kind, flow)} method={flow.ui.method}>
      {plan.hidden.map((node, index) => (
        <HiddenValue key={index} node={node} />
      ))}
      {/* Kratos passes it to its mail templates. */}
      <input type="hidden" name="transient_payload" value={JSON.stringify({ language: tag })} />
      <AccountName nodes={nodes} flow={flow} />
      {content}
    </form>
  );
}

/** The form's action. A login's includes the destination, in case another tab completes the login first (`LoginReturn`). */
function actionOf(kind: FlowKind, { ui, return_to: returnTo }: Flow): string {
  if (kind !== 'login' || !returnTo || !URL.canParse(ui.action)) return ui.action;
  const action = new URL(ui.action);
  action.searchParams.set('return_to', returnTo);
  return action.href;
}

/** Puts hidden values first: the style sheet's `:last-child` must match a visible element. */
function hiddenFirst(nodes: readonly FlowNode[]): readonly FlowNode[] {
  const isHidden = (node: FlowNode) => node.type === 'input' && node.attributes.type === 'hidden';
  return [...nodes.filter(isHidden), ...nodes.filter((node) => !isHidden(node))];
}

function HiddenValue({ node }: { readonly node: InputNode }): VNode {
  const { name, value, disabled, onloadTrigger } = node.attributes;
  return (
    <input
      type="hidden"
      name={name}
      value={String(value ?? '')}
      disabled={disabled}
      data-load-trigger={onloadTrigger}
    />
  );
}

/** The account's identifier for password managers, if the form has no visible field for it. It has no name, so it isn't sent. */
function AccountName({
  nodes,
  flow,
}: {
  readonly nodes: readonly FlowNode[];
  readonly flow: Flow;
}): VNode | null {
  const inputs = nodes.filter((node) => node.type === 'input').map((node) => node.attributes);
  const isComplete = inputs.some(({ name, type }) => type !== 'hidden' && ACCOUNT_NAMES.has(name));
  if (isComplete || !inputs.some(({ type }) => type === 'password')) return null;
  const known = flow.ui.nodes.find(
    (node) => node.type === 'input' && ACCOUNT_NAMES.has(node.attributes.name),
  );
  if (known?.type !== 'input' || !known.attributes.value) return null;
  const value = String(known.attributes.value);
  return <input type="text" autocomplete="username" value={value} readOnly hidden />;
}

interface FlowElementProps {
  readonly kind: FlowKind;
  readonly node: FlowNode;
  readonly id: string;
  readonly enforced: boolean;
  readonly isMain: boolean;
  readonly primary: boolean;
  readonly focused: InputNode | undefined;
}

function FlowElement({ kind, node, id, enforced, isMain, primary, focused }: FlowElementProps): VNode {
  const language = useLanguage();
  const { label } = node.meta;
  const caption = label && labelWording(label, kind, node.group, language);
  switch (node.type) {
    case 'input':
      if (node.attributes.type === 'hidden') return <HiddenValue node={node} />;
      if (isTrigger(node)) {
        return (
          <button
            type="button"
            class="secondary"
            name={node.attributes.name}
            value={String(node.attributes.value ?? '')}
            disabled={node.attributes.disabled}
            data-trigger={node.attributes.onclickTrigger}
            // At a login, the key identifies the account. Anything else needs the form filled in first.
            data-checks={kind === 'login' ? undefined : ''}
          >
            {caption ?? language.text('flow.continue')}
          </button>
        );
      }
      if (!isSubmit(node))
        return <FlowField kind={kind} node={node} id={id} enforced={enforced} focused={focused} />;
      return <SubmitButton node={node} caption={caption} isMain={isMain} primary={primary} />;
    case 'a':
      return (
        <p>
          <a class="button" href={node.attributes.href}>
            {caption ??
              (node.attributes.title && labelWording(node.attributes.title, kind, node.group, language)) ??
              language.text('flow.continue')}
          </a>
        </p>
      );
    case 'img':
      return (
        <p>
          <img
            class="qr"
            src={node.attributes.src}
            alt={caption ?? ''}
            width={node.attributes.width}
            height={node.attributes.height}
          />
        </p>
      );
    case 'text': {
      const { text } = node.attributes;
      const secrets = text.context.secrets;
      return (
        <div class="secret">
          {caption && <p>{caption}</p>}
          {secrets.length > 0 ? (
            <ul id={`${id}-codes`}>
              {secrets.map((secret, index) => (
                <li key={index}>
                  <code>{secret.text}</code>
                </li>
              ))}
            </ul>
          ) : (
            <p class="value">
              <code id={`${id}-secret`}>{text.text}</code>
            </p>
          )}
          <CopyButton of={secrets.length > 0 ? `${id}-codes` : `${id}-secret`} />
          <FieldMessages id={`${id}-messages`} messages={node.messages} />
        </div>
      );
    }
  }
}
