import { z } from 'zod';
import type { ConnectionItem } from './org-connection.schemas.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import type { TextKey } from '../../../platform/i18n/locales/en.js';
import { formField } from '../../../pages/form-answer.js';
import type { FormTexts } from '../../../pages/form-errors.js';
import { formIdField } from '../../../pages/sent-forms.js';
import type { FormState } from '../../../pages/views/form-state.js';

/** A setting of a kind of connection, as the form asks for it. */
export interface SettingField {
  readonly name: string;
  /** How it is entered: `lines` are a list, `document` is one text of many lines, `secret-method` one of two ways. */
  readonly as: 'text' | 'secret' | 'flag' | 'lines' | 'document' | 'secret-method';
  readonly label: TextKey;
  readonly isOptional?: boolean;
}

const allowedGroups = {
  name: 'allowed_groups',
  as: 'lines',
  label: 'connections.field.allowed_groups',
  isOptional: true,
} as const;

/** The settings that the form asks for, by kind. Others are kept as they are. Adding a kind of connection adds it here. */
export const settingFields: Readonly<Record<string, readonly SettingField[]>> = {
  oidc: [
    { name: 'issuer', as: 'text', label: 'connections.field.issuer' },
    { name: 'client_id', as: 'text', label: 'connections.field.client_id' },
    { name: 'client_secret', as: 'secret', label: 'connections.field.client_secret', isOptional: true },
    {
      name: 'token_endpoint_auth_method',
      as: 'secret-method',
      label: 'connections.field.token_endpoint_auth_method',
      isOptional: true,
    },
    { name: 'offline_access', as: 'flag', label: 'connections.field.offline_access' },
    { name: 'trust_email', as: 'flag', label: 'connections.field.trust_email' },
    { name: 'trust_second_factor', as: 'flag', label: 'connections.field.trust_second_factor' },
    { name: 'groups_claim', as: 'text', label: 'connections.field.groups_claim', isOptional: true },
    allowedGroups,
  ],
  saml: [
    { name: 'metadata', as: 'document', label: 'connections.field.metadata', isOptional: true },
    { name: 'metadata_url', as: 'text', label: 'connections.field.metadata_url', isOptional: true },
    { name: 'entity_id', as: 'text', label: 'connections.field.entity_id', isOptional: true },
    { name: 'subject_attribute', as: 'text', label: 'connections.field.subject_attribute', isOptional: true },
    { name: 'trust_email', as: 'flag', label: 'connections.field.trust_email' },
    { name: 'trust_second_factor', as: 'flag', label: 'connections.field.trust_second_factor' },
    { name: 'allow_idp_initiated', as: 'flag', label: 'connections.field.allow_idp_initiated' },
    { name: 'groups_attribute', as: 'text', label: 'connections.field.groups_attribute', isOptional: true },
    allowedGroups,
  ],
  ldap: [
    { name: 'directory', as: 'text', label: 'connections.field.directory', isOptional: true },
    { name: 'servers', as: 'lines', label: 'connections.field.servers' },
    { name: 'ca', as: 'document', label: 'connections.field.ca', isOptional: true },
    { name: 'bind_dn', as: 'text', label: 'connections.field.bind_dn' },
    { name: 'bind_password', as: 'secret', label: 'connections.field.bind_password', isOptional: true },
    { name: 'base_dn', as: 'text', label: 'connections.field.base_dn' },
    { name: 'user_filter', as: 'text', label: 'connections.field.user_filter', isOptional: true },
    { name: 'group_base_dn', as: 'text', label: 'connections.field.group_base_dn', isOptional: true },
    allowedGroups,
  ],
};

const names = Object.values(settingFields).flatMap((fields) => fields.map(({ name }) => name));

/** The form of a connection, as a browser sends it. A checkbox is `on`, or missing. */
export const connectionFormSchema = z.object({
  name: formField,
  domain: formField,
  required: formField,
  roleRules: formField,
  formId: formIdField,
  ...Object.fromEntries(names.map((name) => [name, formField])),
});

/** The form that tests a connection. */
export const testFormSchema = z.object({ address: formField });

/** The texts that the form shows if the API refuses it. */
export const connectionTexts: FormTexts = {
  fields: {
    name: 'connections.error.name',
    domain: 'connections.error.field',
    required: 'connections.error.field',
    roleRules: 'connections.error.rules',
    settings: 'connections.error.field',
    ...Object.fromEntries(names.map((name) => [name, 'connections.error.field'])),
  },
  conflicts: {
    too_many_connections: { text: 'connections.error.full' },
    connection_domain_taken: { text: 'connections.error.domainTaken' },
    connection_changed: { text: 'connections.error.changed' },
  },
  hasDetails: true,
};

type Values = FormState['values'];

/** What the API is asked to store. @param known the connection as it is: settings that the form doesn't ask for stay. */
export function bodyOf(
  kind: string,
  values: Values,
  domain: string | null,
  known?: ConnectionItem,
): Readonly<Record<string, unknown>> {
  const others = (known?.domains ?? []).filter((one) => one !== domain);
  const given = Object.fromEntries(
    (settingFields[kind] ?? []).map((field) => [field.name, valueOf(field, values[field.name] ?? '')]),
  );
  const settings = Object.entries({ ...known?.settings, ...given });
  return {
    name: values['name'],
    settings: Object.fromEntries(settings.filter(([, value]) => value !== undefined)),
    domains: [...others, ...(domain !== null && values['domain'] === 'on' ? [domain] : [])],
    // Without a confirmed domain, the form doesn't ask.
    required: domain === null ? known?.required === true : values['required'] === 'on',
    roleRules: linesOf(values['roleRules']).map(ruleOf),
  };
}

/** The values that the form shows before it is sent. Secrets are never among them. @param domain that the form asks about. */
export function valuesOf(
  { kind, name, domains, required, roleRules, settings }: ConnectionItem,
  domain: string | null,
): Values {
  const fields = (settingFields[kind] ?? []).map((field) => [field.name, shown(settings[field.name])]);
  return {
    name,
    domain: domain !== null && domains.includes(domain) ? 'on' : '',
    required: required ? 'on' : '',
    roleRules: roleRules.map(({ group, role }) => `${group} = ${role}`).join('\n'),
    ...Object.fromEntries(fields),
  };
}

/** What was typed, to be shown again without secrets. */
export function withoutSecrets(kind: string, values: Values): Values {
  const secrets = new Set(
    (settingFields[kind] ?? []).filter((field) => field.as === 'secret').map(({ name }) => name),
  );
  return Object.fromEntries(Object.entries(values).filter(([name]) => !secrets.has(name)));
}

/** A refusal with the names of the form's fields: the API names settings as members of `settings`, and has a list of domains. */
export function plainly(error: unknown): unknown {
  if (!(error instanceof Problem) || error.errors === undefined) {
    return error;
  }
  const { definition, reason, loginUrl } = error;
  const errors = error.errors.map(({ field, message }) => {
    const [part = '', second = ''] = field.split('.');
    switch (part) {
      case 'settings':
        return names.includes(second)
          ? { field: second, message }
          : { field: part, message: `${second} ${message}` };
      case 'roleRules':
        return { field: `${part}.${second}`, message };
      case 'domains':
        return { field: 'domain', message };
      default:
        return { field, message };
    }
  });
  return new Problem(definition, {
    errors,
    ...(reason === undefined ? {} : { reason }),
    ...(loginUrl === undefined ? {} : { loginUrl }),
    cause: error,
  });
}

function valueOf({ as }: SettingField, text: string): unknown {
  const trimmed = text.trim();
  switch (as) {
    case 'flag':
      return text === 'on';
    case 'lines':
      return linesOf(text);
    case 'secret':
      return text === '' ? undefined : text;
    default:
      return trimmed === '' ? undefined : trimmed;
  }
}

/** `group = role`; without the sign, no group is read, so that the API refuses the line. */
function ruleOf(line: string): { readonly group: string; readonly role: string } {
  const at = line.lastIndexOf('=');
  return at === -1
    ? { group: line, role: '' }
    : {
        group: line.slice(0, at).trim(),
        role: line
          .slice(at + 1)
          .trim()
          .toLowerCase(),
      };
}

function shown(value: unknown): string {
  if (Array.isArray(value)) {
    return value.join('\n');
  }
  return value === true ? 'on' : typeof value === 'string' ? value : '';
}

function linesOf(text = ''): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
