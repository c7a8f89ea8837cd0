import type { ComponentChildren, VNode } from 'preact';
import type { InputNode } from '../flow.parser.js';
import { useLanguage } from './page-props.js';
import { Time } from './time.view.js';

interface SubmitButtonProps {
  readonly node: InputNode;
  /** Full text of the button. */
  readonly caption: string | undefined;
  /** Whether Enter presses it. */
  readonly isMain: boolean;
  /** Whether its form is the page's main one. */
  readonly primary: boolean;
}

/** Names of buttons that remove a login method or a second factor. */
const removals: ReadonlySet<string> = new Set([
  'passkey_remove',
  'webauthn_remove',
  'totp_unlink',
  'lookup_secret_disable',
  'unlink',
]);

/** A button that submits a flow's form. */
export function SubmitButton({ node, caption, isMain, primary }: SubmitButtonProps): VNode {
  const { text } = useLanguage();
  const { name } = node.attributes;
  const added = node.meta.label?.context['added_at'];
  if (removals.has(name) && added !== undefined) {
    return <KeyEntry node={node} caption={caption} added={String(added)} />;
  }
  const provider = node.group === 'oidc' || node.group === 'saml' ? providerOf(node) : undefined;
  const looks = removals.has(name) ? 'secondary danger' : isMain && primary ? undefined : 'secondary';
  return (
    <Button node={node} looks={looks} isMain={isMain}>
      {provider !== undefined && <Mark of={provider} />}
      {caption ?? text('flow.continue')}
    </Button>
  );
}

interface ButtonProps {
  readonly node: InputNode;
  readonly looks: string | undefined;
  readonly isMain: boolean;
  /** Full text for screen readers, if the visible text is shorter. */
  readonly label?: string | undefined;
  readonly children: ComponentChildren;
}

function Button({ node, looks, isMain, label, children }: ButtonProps): VNode {
  const { name, value, disabled } = node.attributes;
  return (
    <button
      type="submit"
      name={name}
      value={String(value ?? '')}
      disabled={disabled}
      // Only the main button validates the fields: the others don't need them filled in.
      formNoValidate={!isMain}
      class={looks}
      aria-label={label}
    >
      {children}
    </button>
  );
}

/** A passkey or a security key that can be removed. */
function KeyEntry({
  node,
  caption,
  added,
}: {
  readonly node: InputNode;
  readonly caption: string | undefined;
  /** ISO 8601. */
  readonly added: string;
}): VNode {
  const { text, rich } = useLanguage();
  const given = String(node.meta.label?.context['display_name'] ?? '');
  const name = given === '' || given === 'unnamed' ? text(`settings.key.${kindOf(node)}`) : given;
  return (
    <div class="entry">
      <div>
        <p class="key-name">
          <strong>{name}</strong>
        </p>
        <p class="details">{rich('settings.key.added', { time: () => <Time iso={added} /> })}</p>
      </div>
      <Button node={node} looks="secondary danger compact" isMain={false} label={caption}>
        {text('settings.key.remove')}
      </Button>
    </div>
  );
}

function kindOf({ group }: InputNode): 'passkey' | 'webauthn' {
  return group === 'webauthn' ? 'webauthn' : 'passkey';
}

function providerOf({ meta, attributes }: InputNode): string {
  return String(meta.label?.context['provider'] ?? attributes.value ?? '');
}

/** The first letter of a provider's name. Logos belong to the providers, and would have to be fetched from them. */
function Mark({ of }: { readonly of: string }): VNode | null {
  const letter = [...of.trim()][0]?.toUpperCase();
  return letter === undefined ? null : (
    <span class="mark" aria-hidden="true">
      {letter}
    </span>
  );
}
