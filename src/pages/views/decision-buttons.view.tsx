import type { VNode } from 'preact';
import { useLanguage } from './page-props.js';

/** The two buttons of a form that asks whether a program may do something: `decision` is `allow` or `deny`. */
export function DecisionButtons(): VNode {
  const { text } = useLanguage();
  return (
    <div class="actions">
      <button type="submit" name="decision" value="allow">
        {text('common.allow')}
      </button>
      <button type="submit" name="decision" value="deny" class="secondary">
        {text('common.deny')}
      </button>
    </div>
  );
}
