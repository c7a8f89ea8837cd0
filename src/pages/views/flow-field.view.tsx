import { h, type LooseInputHTMLAttributes, type VNode } from 'preact';
import type { InputNode } from '../flow.parser.js';
import { FieldMessages } from './flow-message.view.js';
import type { FlowKind } from './flow-plan.js';
import { labelWording } from './flow-wording.js';
import { CapsLockHint, RevealButton } from './password-field.view.js';
import { useLanguage, usePage } from './page-props.js';
import type { PageLanguage } from '../../platform/i18n/page-language.js';

interface FlowFieldProps {
  readonly kind: FlowKind;
  readonly node: InputNode;
  /** Unique on the page; the messages' id is derived from it. */
  readonly id: string;
  /** Whether a required field is marked as such. Not in an alternative method, where it would block the main button. */
  readonly enforced: boolean;
  /** The field that has the focus when the page opens. */
  readonly focused?: InputNode | undefined;
}

/** Supported types of inputs. Any other becomes a text field, which is also how browsers treat unknown types. */
const FIELD_TYPES = ['text', 'password', 'email', 'tel', 'url', 'number', 'date', 'datetime-local'] as const;

/** `autocomplete` of fields for which Kratos sends none, by name. */
const AUTOCOMPLETE: ReadonlyMap<string, string> = new Map([
  ['identifier', 'username'],
  ['traits.email', 'email'],
  ['traits.name', 'name'],
  ['traits.name.first', 'given-name'],
  ['traits.name.last', 'family-name'],
  ['traits.phone', 'tel'],
  ['code', 'one-time-code'],
  ['totp_code', 'one-time-code'],
  ['lookup_secret', 'off'],
]);

/** Required fields that Kratos doesn't mark as required: it refuses a security key without a name. */
const NEEDED: ReadonlySet<string> = new Set(['webauthn_register_displayname']);

const INPUT_MODES: ReadonlyMap<string, 'numeric' | 'email' | 'tel' | 'url' | 'decimal'> = new Map([
  ['code', 'numeric'],
  ['totp_code', 'numeric'],
  ['email', 'email'],
  ['tel', 'tel'],
  ['url', 'url'],
  ['number', 'decimal'],
]);

/** A labelled field of a flow, with its messages. Hidden values and buttons are not fields. */
export function FlowField(props: FlowFieldProps): VNode {
  return props.node.attributes.type === 'checkbox' ? <CheckboxField {...props} /> : <TextField {...props} />;
}

function describe({ node, id, focused }: FlowFieldProps, hint?: string) {
  const isWrong = node.messages.some(({ type }) => type === 'error');
  return {
    'aria-describedby': node.messages.length > 0 || hint !== undefined ? `${id}-messages` : undefined,
    'aria-invalid': isWrong ? ('true' as const) : undefined,
    // The browser focuses the first of them. People continue at a field with an error.
    autofocus: isWrong || node === focused ? true : undefined,
  };
}

function labelOf({ kind, node }: FlowFieldProps, language: PageLanguage): string {
  const { label } = node.meta;
  return label ? labelWording(label, kind, node.group, language) : node.attributes.name;
}

function TextField(props: FlowFieldProps): VNode {
  const language = useLanguage();
  const { node, id, enforced } = props;
  const { name, value, required, disabled, pattern, maxlength } = node.attributes;
  const type = FIELD_TYPES.find((known) => known === node.attributes.type) ?? 'text';
  const { passwordLength } = usePage();
  const hint =
    isNewPassword(props) && passwordLength !== undefined
      ? language.text('password.rule', { length: passwordLength })
      : undefined;
  // Keeps the keyboards of phones from capitalising or correcting identifiers and codes.
  const isVerbatim = node.group !== 'profile' && !name.startsWith('traits.') && type === 'text';
  return (
    <div class={type === 'password' ? 'field password' : 'field'}>
      <label for={id}>
        {labelOf(props, language)}
        {!required && name.startsWith('traits.') && (
          <span class="optional"> {language.text('common.optional')}</span>
        )}
      </label>
      <Control
        id={id}
        name={name}
        type={type}
        // A password is never sent back to the page.
        value={type === 'password' || value === undefined ? undefined : String(value)}
        required={(required || NEEDED.has(name)) && enforced}
        disabled={disabled}
        autocomplete={node.attributes.autocomplete || AUTOCOMPLETE.get(name)}
        inputMode={INPUT_MODES.get(name) ?? INPUT_MODES.get(type)}
        // A JSON schema's pattern may match anywhere; HTML's must match the whole value.
        pattern={pattern ? `.*(?:${pattern}).*` : undefined}
        maxLength={maxlength}
        step={type === 'number' ? 'any' : undefined}
        autocapitalize={isVerbatim ? 'none' : undefined}
        spellcheck={isVerbatim ? false : undefined}
        {...describe(props, hint)}
      />
      {type === 'password' && <RevealButton of={id} />}
      {type === 'password' && <CapsLockHint of={id} />}
      <FieldMessages id={`${id}-messages`} messages={node.messages} hint={hint} />
    </div>
  );
}

function isNewPassword({ kind, node }: FlowFieldProps): boolean {
  return node.attributes.type === 'password' && (kind === 'registration' || kind === 'settings');
}

/** An `<input>` whose type is only known at run time: preact's JSX types require a literal type in each place. */
function Control(attributes: LooseInputHTMLAttributes): VNode {
  return h('input', attributes);
}

function CheckboxField(props: FlowFieldProps): VNode {
  const language = useLanguage();
  const { node, id, enforced } = props;
  const { name, value, required, disabled } = node.attributes;
  return (
    <div class="field checkbox">
      {/* An unchecked box sends nothing; Kratos takes the last value, so this one stands for "no". */}
      <input type="hidden" name={name} value="false" />
      <input
        id={id}
        name={name}
        type="checkbox"
        value="true"
        checked={value === true || value === 'true'}
        required={required && enforced}
        disabled={disabled}
        {...describe(props)}
      />
      <label for={id}>{labelOf(props, language)}</label>
      <FieldMessages id={`${id}-messages`} messages={node.messages} />
    </div>
  );
}
