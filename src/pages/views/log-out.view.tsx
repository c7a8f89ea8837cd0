import type { VNode } from 'preact';
import { useLanguage } from './page-props.js';

/** A button that logs the user out, as a form of its own: GET must not change state. */
export function LogOutButton(): VNode {
  const { text } = useLanguage();
  return (
    <form method="post" action="/auth/logout">
      <button type="submit" class="secondary">
        {text('site.logOut')}
      </button>
    </form>
  );
}
