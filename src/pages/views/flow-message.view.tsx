import type { VNode } from 'preact';
import type { FlowMessage } from '../flow.parser.js';
import { wording } from './flow.wording.js';
import { useLanguage } from './page.props.js';

/** Messages about the whole flow, above its forms: errors interrupt a screen reader, the rest doesn't. */
export function FlowMessages({ messages }: { readonly messages: readonly FlowMessage[] }): VNode {
  const language = useLanguage();
  return (
    <>
      {messages.map((message, index) => (
        <p
          key={index}
          class={`notice ${message.type}`}
          role={message.type === 'error' ? 'alert' : 'status'}
          data-message-id={message.id}
        >
          {wording(message, language)}
        </p>
      ))}
    </>
  );
}

/** Messages about one field, tied to it by `id` (the field's `aria-describedby`). */
export function FieldMessages({
  id,
  messages,
}: {
  readonly id: string;
  readonly messages: readonly FlowMessage[];
}): VNode | null {
  const language = useLanguage();
  if (messages.length === 0) return null;
  return (
    <div id={id} class="field-messages">
      {messages.map((message, index) => (
        <p key={index} class={`field-message ${message.type}`} data-message-id={message.id}>
          {message.type === 'error' && <span class="visually-hidden">{language.text('common.error')}</span>}
          {wording(message, language)}
        </p>
      ))}
    </div>
  );
}
