import type { ComponentChildren, VNode } from 'preact';
import type { SettingsChange } from '../../providers/ory/proxy/settings-change.js';
import type { Flow, FlowMessage } from '../flow.parser.js';
import { withReturnTo } from './flow-elsewhere.view.js';
import type { FlowKind } from './flow-plan.js';
import type { FlowLinks } from './flow-links.js';
import { comesFromMail, wording } from './flow-wording.js';
import { useLanguage } from './page-props.js';

/** Id of "Your changes have been saved." */
const savedMessage = 1_050_001;
/** Id of "We've sent a code." */
const sentMessage = 1_080_003;

interface FlowMessagesProps {
  readonly kind: FlowKind;
  readonly flow: Flow;
  readonly links: FlowLinks;
  /** What was saved, if it's known. */
  readonly changed: SettingsChange | undefined;
}

/** Messages about the whole flow, above its forms. Only errors interrupt a screen reader. */
export function FlowMessages({ kind, flow, links, changed }: FlowMessagesProps): VNode {
  const { text } = useLanguage();
  const messages = flow.ui.messages.filter(({ id }) => !(id === sentMessage && comesFromMail(kind, flow)));
  return (
    <>
      {messages.map((message, index) => (
        <p
          key={index}
          class={`notice ${message.type}`}
          role={message.type === 'error' ? 'alert' : 'status'}
          data-message-id={message.id}
        >
          {message.id === savedMessage && changed !== undefined ? (
            text(`settings.changed.${changed}`)
          ) : (
            <Words message={message} flow={flow} links={links} />
          )}
        </p>
      ))}
    </>
  );
}

/** A message in the page's language. `<login>`, `<recovery>` and `<account>` become links; the first two keep the destination. */
function Words({
  message,
  flow,
  links,
}: {
  readonly message: FlowMessage;
  readonly flow: Flow;
  readonly links: FlowLinks;
}): VNode {
  const language = useLanguage();
  const link = (path: string) => (words: ComponentChildren) => (
    <a href={withReturnTo(path, flow.return_to)}>{words}</a>
  );
  const found = language.findRich<VNode | string>(`kratos.${message.id}`, {
    ...message.context,
    login: link(links.login),
    recovery: link(links.recovery),
    account: () => <a href={links.account}>{language.text('flow.toAccount')}</a>,
  });
  return <>{found ?? wording(message, language)}</>;
}

/** Messages about one field, linked to it by `id` (the field's `aria-describedby`). */
export function FieldMessages({
  id,
  messages,
  hint,
}: {
  readonly id: string;
  readonly messages: readonly FlowMessage[];
  /** A hint for filling in the field, shown if there are no messages. */
  readonly hint?: string | undefined;
}): VNode | null {
  const language = useLanguage();
  if (messages.length === 0 && hint === undefined) return null;
  return (
    <div id={id} class="field-messages">
      {messages.map((message, index) => (
        <p key={index} class={`field-message ${message.type}`} data-message-id={message.id}>
          {message.type === 'error' && <span class="visually-hidden">{language.text('common.error')}</span>}
          {wording(message, language)}
        </p>
      ))}
      {hint !== undefined && messages.length === 0 && <p class="field-message">{hint}</p>}
    </div>
  );
}
