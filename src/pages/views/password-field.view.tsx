import type { VNode } from 'preact';
import { useLanguage } from './page.props.js';

/** Looks at what was typed into a password's field. page.js shows it: without a script it could do nothing. */
export function RevealButton({ of }: { /** Id of the field. */ readonly of: string }): VNode {
  const { text } = useLanguage();
  return (
    <button
      type="button"
      class="reveal"
      data-reveal={of}
      data-show={text('password.show')}
      data-hide={text('password.hide')}
      aria-pressed="false"
      hidden
    >
      {text('password.show')}
      <span class="visually-hidden"> {text('password.what')}</span>
    </button>
  );
}

/** Says that Caps Lock is on, where the browser knows it. */
export function CapsLockHint({ of }: { /** Id of the field. */ readonly of: string }): VNode {
  const { text } = useLanguage();
  return (
    <p class="field-message" role="status" data-caps-lock={of} hidden>
      {text('password.capsLock')}
    </p>
  );
}
