import { type ComponentChildren, h, type LooseInputHTMLAttributes, type VNode } from 'preact';
import type { FormState } from './form-state.js';
import { useLanguage } from './page-props.js';

interface FieldProps {
  /** Unique on the page; the messages' id is derived from it. */
  readonly id: string;
  readonly name: string;
  readonly label: string;
  /** The refused form; this field's value and error are shown. */
  readonly form?: FormState | undefined;
  /** Initial value, if the form wasn't sent yet. */
  readonly initial?: string | undefined;
  readonly hint?: ComponentChildren;
}

export interface FormFieldProps extends FieldProps {
  readonly type?: 'text' | 'email' | 'password' | 'search' | 'datetime-local' | undefined;
  readonly isOptional?: boolean | undefined;
  /** Whether it filters a list, so that it can be left empty. */
  readonly isFilter?: boolean | undefined;
  readonly maxLength: number;
  /** Keeps the keyboards of phones from capitalising or correcting the text. */
  readonly isVerbatim?: boolean | undefined;
}

/** A labelled text field with its hint and error. If it has an error, it has the focus when the page opens. */
export function FormField({
  type = 'text',
  isOptional = false,
  isFilter = false,
  isVerbatim,
  ...props
}: FormFieldProps): VNode {
  const { text } = useLanguage();
  const { id, name, label, form, initial, maxLength } = props;
  return (
    <div class="field">
      <label for={id}>
        {label}
        {isOptional && <span class="optional"> {text('common.optional')}</span>}
      </label>
      <Control
        id={id}
        name={name}
        type={type}
        value={form === undefined ? initial : form.values[name]}
        required={!isOptional && !isFilter}
        maxLength={maxLength}
        autocomplete="off"
        autocapitalize={isVerbatim === true ? 'none' : undefined}
        spellcheck={isVerbatim === true ? false : undefined}
        {...describe(props)}
      />
      <Messages {...props} />
    </div>
  );
}

/** An `<input>` whose type is only known at run time: preact's JSX types require a literal type in each place. */
function Control(attributes: LooseInputHTMLAttributes): VNode {
  return h('input', attributes);
}

export interface FormSelectProps extends FieldProps {
  readonly options: readonly { readonly value: string; readonly label: string }[];
}

/** A labelled select with its hint and error. */
export function FormSelect(props: FormSelectProps): VNode {
  const { id, name, label, form, initial, options } = props;
  const chosen = form === undefined ? initial : form.values[name];
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} name={name} {...describe(props)}>
        {options.map((option) => (
          <option key={option.value} value={option.value} selected={option.value === chosen}>
            {option.label}
          </option>
        ))}
      </select>
      <Messages {...props} />
    </div>
  );
}

export interface FormLinesProps extends FieldProps {
  readonly isOptional?: boolean | undefined;
  readonly maxLength: number;
  /** Height in lines. */
  readonly rows: number;
}

/** A labelled field of several lines, such as a list of URLs, with its hint and error. */
export function FormLines({ isOptional = false, rows, maxLength, ...props }: FormLinesProps): VNode {
  const { text } = useLanguage();
  const { id, name, label, form, initial = '' } = props;
  return (
    <div class="field">
      <label for={id}>
        {label}
        {isOptional && <span class="optional"> {text('common.optional')}</span>}
      </label>
      <textarea
        id={id}
        name={name}
        rows={rows}
        maxLength={maxLength}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        value={form === undefined ? initial : (form.values[name] ?? '')}
        {...describe(props)}
      />
      <Messages {...props} />
    </div>
  );
}

/** A labelled checkbox with its hint. It is sent as `on`, or not at all. */
export function FormCheck(props: FieldProps): VNode {
  const { id, name, label, form, initial } = props;
  return (
    <div class="field checkbox">
      <input
        id={id}
        name={name}
        type="checkbox"
        value="on"
        checked={(form === undefined ? initial : form.values[name]) === 'on'}
        {...describe(props)}
      />
      <label for={id}>{label}</label>
      <Messages {...props} />
    </div>
  );
}

/** What is wrong with the form as a whole. */
export function FormProblem({ form }: { readonly form: FormState | undefined }): VNode | null {
  const { text } = useLanguage();
  const problem = form?.problem === undefined ? form?.stated : text(form.problem);
  return form === undefined || problem === undefined ? null : (
    <p class="notice error" role="alert">
      {problem}
      {form.loginUrl !== undefined && (
        <>
          {' '}
          <a href={form.loginUrl} target="_blank">
            {text('form.logInAgain')}
          </a>
        </>
      )}
    </p>
  );
}

function describe({ id, name, form, hint }: FieldProps) {
  const isWrong = form?.errors[name] !== undefined;
  return {
    'aria-describedby': isWrong || hint !== undefined ? `${id}-messages` : undefined,
    'aria-invalid': isWrong ? ('true' as const) : undefined,
    autofocus: isWrong ? true : undefined,
  };
}

function Messages({ id, name, form, hint }: FieldProps): VNode | null {
  const { text } = useLanguage();
  const error = form?.errors[name];
  const detail = form?.details?.[name];
  if (error === undefined && hint === undefined) {
    return null;
  }
  return (
    <div id={`${id}-messages`} class="field-messages">
      {error !== undefined && (
        <p class="field-message error">
          <span class="visually-hidden">{text('common.error')}</span>
          {text(error)}
          {detail !== undefined && (
            <>
              {' '}
              <span lang="en">({detail})</span>
            </>
          )}
        </p>
      )}
      {hint !== undefined && <p class="field-message">{hint}</p>}
    </div>
  );
}
