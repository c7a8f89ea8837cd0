import { parse } from 'node-html-parser';
import type { VNode } from 'preact';
import { expect, it } from 'vitest';
import { renderView } from '../../../../test/support/page.frame.js';
import { describePages, hostile, openOrg, orgsOfOneName } from '../../../../test/support/page.suite.js';
import { english } from '../../../platform/i18n/locales/en.js';
import type { FormState } from '../../../pages/views/form-state.js';
import type { ApplicationItem } from '../application.schemas.js';
import { AgentPage, AgentsPage } from './agents.view.js';
import { ApplicationQuestionPage } from './application-question.view.js';
import { ApplicationPage } from './application.view.js';
import { ApplicationsPage } from './applications.view.js';
import { ConnectedApps, type ListedApp } from './connected-apps.view.js';
import { NewApplicationPage } from './new-application.view.js';
import { SecretPage } from './secret.view.js';

const application: ApplicationItem = {
  id: hostile,
  name: hostile,
  kind: 'web',
  orgId: hostile,
  firstParty: false,
  redirectUris: [hostile],
  postLogoutRedirectUris: [hostile],
  backchannelLogoutUri: hostile,
  scope: hostile,
  access: 'roles',
  roles: [hostile],
  groupsFrom: 'listed',
  groupOrgs: [hostile],
  groupsAs: 'slug',
  rememberConsent: true,
  tokenEndpointAuthMethod: 'client_secret_basic',
  codeProtection: 'pkce',
  deviceLogin: false,
  jwks: null,
  logoUri: hostile,
  clientUri: hostile,
  policyUri: hostile,
  tosUri: hostile,
  createdBy: hostile,
  createdAt: hostile,
  previousSecretUntil: hostile,
};
const agent = {
  id: hostile,
  name: hostile,
  kind: 'registration' as const,
  documentUrl: null,
  since: hostile,
  lastUsedAt: hostile,
};
const applicationPage = {
  application,
  addresses: { issuer: hostile, discoveryUrl: hostile, exchangeUrl: hostile, audience: hostile },
  orgName: hostile,
  resourceScopes: [hostile],
  formId: hostile,
  initial: { name: hostile, redirectUris: hostile, scope: hostile, access: hostile },
};
const wrongApplication: FormState = {
  values: { name: hostile, redirectUris: hostile, access: hostile, kind: hostile, orgId: hostile },
  errors: { name: 'applications.error.name', redirectUris: 'applications.error.redirectUris' },
  details: { name: hostile, redirectUris: hostile },
};
const inAdministration = { path: '/admin/applications' };
const atOrg = { path: '/orgs/o-1/applications', org: openOrg };
const apps: readonly ListedApp[] = [
  {
    applicationId: 'https://agent.example/client.json',
    selfRegistration: { kind: 'metadata_document', documentUrl: 'https://agent.example/client.json' },
    resources: [{ url: hostile, name: hostile, scopes: [{ scope: 'notes:read', description: hostile }] }],
    name: null,
    redirectHosts: [],
    redirectsToDevice: true,
    scope: 'openid calendar',
    since: '2026-11-24T23:31:00.000Z',
    lastUsedAt: null,
  },
  {
    applicationId: 'a-1',
    selfRegistration: null,
    resources: [],
    name: 'Wiki',
    redirectHosts: ['wiki.example.org', 'wiki.example.net'],
    redirectsToDevice: false,
    scope: 'openid offline_access',
    since: '2026-11-23T23:31:00.000Z',
    lastUsedAt: '2026-11-24T23:31:00.000Z',
  },
];

const pages: readonly (readonly [string, VNode])[] = [
  [
    'applications',
    <ApplicationsPage
      place={inAdministration}
      applications={{ items: [application], nextCursor: hostile }}
      isLater
      orgNames={new Map([[hostile, hostile]])}
    />,
  ],
  [
    "an organisation's applications",
    <ApplicationsPage
      place={atOrg}
      applications={{ items: [application], nextCursor: null }}
      isLater={false}
    />,
  ],
  [
    'new application',
    <NewApplicationPage
      place={inAdministration}
      orgs={[{ id: hostile, slug: hostile, name: hostile }]}
      formId={hostile}
      form={wrongApplication}
    />,
  ],
  ["an organisation's new application", <NewApplicationPage place={atOrg} orgs={[]} formId={hostile} />],
  ['application', <ApplicationPage place={inAdministration} {...applicationPage} form={wrongApplication} />],
  [
    "an organisation's application",
    <ApplicationPage place={atOrg} {...applicationPage} orgName={undefined} />,
  ],
  ['agents', <AgentsPage agents={{ items: [agent], nextCursor: hostile }} isLater />],
  [
    'agent',
    <AgentPage
      agent={{ ...agent, documentUrl: hostile, lastUsedAt: null }}
      users={{
        users: {
          items: [{ userId: hostile, subject: hostile, name: hostile, since: hostile, lastUsedAt: hostile }],
          nextCursor: hostile,
        },
        isLater: true,
      }}
    />,
  ],
  [
    'machine',
    <ApplicationPage
      place={inAdministration}
      {...applicationPage}
      application={{ ...application, kind: 'machine', firstParty: true, access: 'everyone', roles: [] }}
    />,
  ],
  [
    "an organisation's first-party application without a secret",
    <ApplicationPage
      place={atOrg}
      {...applicationPage}
      application={{
        ...application,
        kind: 'single_page',
        tokenEndpointAuthMethod: 'none',
        firstParty: true,
      }}
    />,
  ],
  [
    'new secret',
    <SecretPage
      place={inAdministration}
      application={application}
      addresses={applicationPage.addresses}
      secret={hostile}
      previousUntil={hostile}
      isNew={false}
    />,
  ],
  [
    'first secret',
    <SecretPage
      place={atOrg}
      application={application}
      addresses={applicationPage.addresses}
      secret={hostile}
      previousUntil={null}
      isNew
    />,
  ],
  ['removal of an application', <ApplicationQuestionPage place={atOrg} application={application} />],
];

describePages(pages);

it('names every place to which an application may send its users, as it may choose another at each login', () => {
  const entries = renderView(<ConnectedApps apps={apps} revokeAt="/account/connected-apps" isOwn />).match(
    /<li class="app">.*?<\/li>/gs,
  );
  expect(entries?.map((entry) => parse(entry).querySelector('.details')?.structuredText)).toEqual([
    expect.stringMatching(/^A program on your device\nSince /),
    expect.stringMatching(/^wiki\.example\.org\nwiki\.example\.net\nSince /),
  ]);
});

it('a list that has no application, or can’t be read, says so; a user’s, in the administration, isn’t explained', () => {
  const shown = (given: readonly ListedApp[] | undefined, isOwn = true): string =>
    renderView(<ConnectedApps apps={given} revokeAt="/at" isOwn={isOwn} />);
  expect(shown([])).toContain(english['apps.none']);
  expect(parse(shown(undefined)).text).toContain(english['apps.unknown']);
  expect(shown(apps)).toContain('action="/at/a-1/revoke"');
  expect([shown([]).includes('class="lead"'), shown([], false).includes('class="lead"')]).toEqual([
    true,
    false,
  ]);
});

it('organisations of one name can be told apart in the form for a new application', () => {
  const html = renderView(
    <NewApplicationPage place={inAdministration} orgs={orgsOfOneName} formId={hostile} form={undefined} />,
    { user: { name: 'Ada', email: 'ada@example.org', isAdmin: true } },
  );
  expect(html).toContain('>Acme (acme)<');
  expect(html).toContain('>Acme (acme-berlin)<');
});
