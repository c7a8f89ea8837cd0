import type { VNode } from 'preact';
import { useLanguage } from './page-props.js';

/** A button that shows the password as typed. It needs a script, so it's hidden until page.js shows it. */
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

/** States that Caps Lock is on. Hidden until page.js detects it. */
export function CapsLockHint({ of }: { /** Id of the field. */ readonly of: string }): VNode {
  const { text } = useLanguage();
  return (
    <p class="field-message" role="status" data-caps-lock={of} hidden>
      {text('password.capsLock')}
    </p>
  );
}
