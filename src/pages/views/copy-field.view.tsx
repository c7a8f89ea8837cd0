import type { VNode } from 'preact';
import { useLanguage } from './page-props.js';

export interface CopyButtonProps {
  /** Id of the element whose text is copied: a field's value, or the items of a list. */
  readonly of: string;
}

/** A button that copies text to the clipboard. It needs a script, so it's hidden until page.js shows it. */
export function CopyButton({ of }: CopyButtonProps): VNode {
  const { text } = useLanguage();
  return (
    <button
      type="button"
      class="secondary compact"
      data-copy={of}
      data-copied={text('common.copied')}
      aria-live="polite"
      hidden
    >
      {text('common.copy')}
    </button>
  );
}

export interface CopyFieldProps {
  /** Unique on the page. */
  readonly id: string;
  readonly label: string;
  readonly value: string;
  /** Whether it has lines of its own, as settings and programs do. */
  readonly isCode?: boolean | undefined;
}

/** A long value that can be read in full and copied, such as a key or a link. */
export function CopyField({ id, label, value, isCode = false }: CopyFieldProps): VNode {
  const rows = isCode ? Math.min(value.split('\n').length + 1, 16) : 2;
  return (
    <div class="field copy">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        readonly
        rows={rows}
        wrap={isCode ? 'off' : undefined}
        autocomplete="off"
        spellcheck={false}
        value={value}
      />
      <CopyButton of={id} />
    </div>
  );
}
