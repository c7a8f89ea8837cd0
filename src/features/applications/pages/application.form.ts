import { z } from 'zod';
import type { ApplicationItem } from '../application.schemas.js';
import { scopeTokens } from '../../../session/guards/scopes.js';
import { formField } from '../../../pages/form-answer.js';
import type { FormTexts } from '../../../pages/form-errors.js';
import { formIdField } from '../../../pages/sent-forms.js';
import type { FormState } from '../../../pages/views/form-state.js';
import { accessOf, scopeFields } from '../views/application-form.view.js';

/** The form for a new application, as a browser sends it. */
export const newApplicationSchema = z.object({
  name: formField,
  kind: formField,
  redirectUris: formField,
  deviceLogin: formField,
  scope: formField,
  orgId: formField,
  access: formField,
  formId: formIdField,
});

/** The form that changes an application. A checkbox is `on`, or missing. */
export const changesSchema = z.object({
  name: formField,
  redirectUris: formField,
  postLogoutRedirectUris: formField,
  backchannelLogoutUri: formField,
  scope: formField,
  ...Object.fromEntries(scopeFields.map(({ field }) => [field, formField])),
  resourceScope: formField,
  groupsFrom: formField,
  groupOrgs: formField,
  groupsAs: formField,
  access: formField,
  rememberConsent: formField,
  firstParty: formField,
  jwks: formField,
  codeProtection: formField,
  deviceLogin: formField,
  clientUri: formField,
  policyUri: formField,
  tosUri: formField,
  logoUri: formField,
});

/** The form that makes a new secret. */
export const rotationSchema = z.object({ keep: formField, formId: formIdField });

type Values = FormState['values'];

/** The texts that the forms show if the API refuses them. */
export const applicationFormTexts: FormTexts = {
  fields: {
    name: 'applications.error.name',
    kind: 'applications.error.kind',
    orgId: 'applications.error.org',
    redirectUris: 'applications.error.redirectUris',
    postLogoutRedirectUris: 'applications.error.redirectUris',
    scope: 'applications.error.scope',
    access: 'applications.error.access',
    groupsFrom: 'applications.error.access',
    groupOrgs: 'applications.error.groupOrgs',
    groupsAs: 'applications.error.groupsAs',
    clientUri: 'applications.error.link',
    policyUri: 'applications.error.link',
    tosUri: 'applications.error.link',
    logoUri: 'applications.error.link',
    backchannelLogoutUri: 'applications.error.link',
    jwks: 'applications.error.jwks',
    codeProtection: 'applications.error.codeProtection',
    deviceLogin: 'applications.error.deviceLogin',
  },
  conflicts: { too_many_applications: { text: 'applications.error.full' } },
  hasDetails: true,
};

/** What the API is asked to register. @param hasOrg whether the form asks for the organisation; else it asks who may log in. */
export function newApplicationOf(values: Values, hasOrg: boolean): Readonly<Record<string, unknown>> {
  const { name, kind, redirectUris, deviceLogin, scope, orgId, access } = values;
  return {
    name,
    kind,
    redirectUris: linesOf(redirectUris),
    // Of a machine only: what other kinds may ask for is chosen on their pages.
    ...(kind === 'machine' && scope !== '' ? { scope } : {}),
    ...(isOn(deviceLogin) ? { deviceLogin: true } : {}),
    ...(hasOrg ? { orgId: orgId === '' ? null : orgId } : accessIn(access)),
  };
}

/** What the API is asked to change. @param isAdministrator whether the form has what only administrators set. */
export function changesOf(
  { kind, scope }: ApplicationItem,
  values: Values,
  isAdministrator: boolean,
): Readonly<Record<string, unknown>> {
  const isMachine = kind === 'machine';
  const links = ['clientUri', 'policyUri', 'tosUri', 'logoUri'].map((name) => [name, linkOf(values[name])]);
  return {
    name: values['name'],
    ...(kind === 'web' || isMachine ? { jwks: keysIn(values['jwks']) } : {}),
    ...(isMachine
      ? // Only administrators change it.
        isAdministrator && values['scope'] !== scope && { scope: values['scope'] }
      : {
          scope: [
            'openid',
            ...scopeFields.filter(({ field }) => isOn(values[field])).map(({ scope }) => scope),
            ...scopeTokens(values['resourceScope'] ?? ''),
          ].join(' '),
          redirectUris: linesOf(values['redirectUris']),
          postLogoutRedirectUris: linesOf(values['postLogoutRedirectUris']),
          rememberConsent: isOn(values['rememberConsent']),
          ...Object.fromEntries(links),
          ...groupsIn(values),
          ...accessIn(values['access']),
        }),
    ...(isAdministrator && !isMachine
      ? {
          firstParty: isOn(values['firstParty']),
          backchannelLogoutUri: linkOf(values['backchannelLogoutUri']),
          ...(kind === 'web' && values['codeProtection'] ? { codeProtection: values['codeProtection'] } : {}),
          ...(kind === 'single_page' ? {} : { deviceLogin: isOn(values['deviceLogin']) }),
        }
      : {}),
  };
}

/** The values that the form shows before it's sent. */
export function valuesOf(application: ApplicationItem): Values {
  const scope = application.scope.split(' ');
  const on = (isSet: boolean): string => (isSet ? 'on' : '');
  return {
    name: application.name,
    jwks: application.jwks === null ? '' : JSON.stringify(application.jwks, null, 2),
    redirectUris: application.redirectUris.join('\n'),
    postLogoutRedirectUris: application.postLogoutRedirectUris.join('\n'),
    backchannelLogoutUri: application.backchannelLogoutUri ?? '',
    scope: application.scope,
    ...Object.fromEntries(scopeFields.map((entry) => [entry.field, on(scope.includes(entry.scope))])),
    resourceScope: scope
      .filter((token) => token !== 'openid' && !scopeFields.some((entry) => entry.scope === token))
      .join(' '),
    groupsFrom: application.groupsFrom,
    groupOrgs: application.groupOrgs.join('\n'),
    groupsAs: application.groupsAs,
    access: accessOf(application),
    rememberConsent: on(application.rememberConsent),
    firstParty: on(application.firstParty),
    codeProtection: application.codeProtection,
    deviceLogin: on(application.deviceLogin),
    clientUri: application.clientUri ?? '',
    policyUri: application.policyUri ?? '',
    tosUri: application.tosUri ?? '',
    logoUri: application.logoUri ?? '',
  };
}

/** The keys that a form has; null for none. What isn't JSON is left to the API to refuse. */
function keysIn(given = ''): unknown {
  try {
    return given.trim() === '' ? null : JSON.parse(given);
  } catch {
    return given;
  }
}

/** `roles:owner,admin` names roles; anything else is the access itself. */
function accessIn(given = ''): { access: string; roles: string[] } {
  const [access = '', roles = ''] = given.split(':');
  return { access, roles: roles === '' ? [] : roles.split(',') };
}

/** What is chosen of groups; nothing if a page of an older version sent the form. */
function groupsIn({ groupsFrom = '', groupOrgs, groupsAs }: Values): Readonly<Record<string, unknown>> {
  return groupsFrom === ''
    ? {}
    : { groupsFrom, groupOrgs: groupsFrom === 'listed' ? linesOf(groupOrgs) : [], groupsAs };
}

const isOn = (value: string | undefined): boolean => value === 'on';

function linesOf(text = ''): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function linkOf(text = ''): string | null {
  return text.trim() === '' ? null : text.trim();
}
