import { parse } from 'node-html-parser';
import type { VNode } from 'preact';
import { describe, expect, it } from 'vitest';
import { renderView } from '../../../test/support/page.frame.js';
import { describePages, hostile } from '../../../test/support/page.suite.js';
import { english } from '../../platform/i18n/locales/en.js';
import { DeleteAccountPage } from './account-data.view.js';
import { AccountPage, type AccountPageProps } from './account.view.js';
import { CreatedKeyPage } from './api-keys.view.js';
import { ApplicationsElsewherePage } from './admin/applications-elsewhere.view.js';
import { ConsentPage } from './consent.view.js';
import { DemoPage } from './demo.view.js';
import { DocsPage } from './docs.view.js';
import { ErrorPage } from './error.view.js';
import { LogoutPage } from './logout.view.js';
import { Time } from './time.view.js';
import { WelcomePage } from './welcome.view.js';

const account: AccountPageProps = {
  user: { id: 'u-1', name: 'Ada Lovelace', email: 'ada@example.com', emailVerified: true, picture: null },
  session: { id: 's-1', createdAt: '2026-11-24T23:31:00.000Z', expiresAt: '2026-12-01T23:31:00.000Z' },
  provider: 'ory',
  isElsewhere: false,
  methods: { password: true, passkeys: false, secondFactors: ['totp'], linked: ['google'] },
  memberships: <article>Organisations</article>,
  identities: [{ issuer: 'urn:ory:kratos', subject: 'i-1', lastLoginAt: '2026-11-24T23:31:00.000Z' }],
  apps: <article>Applications</article>,
  keys: [
    {
      id: 'k-1',
      name: 'Nightly export',
      prefix: 'vst_01980000000070008000000000000000',
      scope: 'orgs:read keys:read',
      expiresAt: null,
      lastUsedAt: '2026-11-24T23:31:00.000Z',
    },
    {
      id: 'k-2',
      name: 'Nightly export',
      prefix: 'vst_01980000000070008000000000000001',
      scope: 'api',
      expiresAt: '2026-12-24T23:31:00.000Z',
      lastUsedAt: null,
    },
  ],
  sessions: [
    {
      id: 's-1',
      current: true,
      device: 'Firefox on Linux',
      address: '192.0.2.1',
      lastSeenAt: '2026-11-24T23:31:00.000Z',
    },
    {
      id: 's-2',
      current: false,
      device: 'Safari on iPhone',
      address: null,
      lastSeenAt: '2026-11-23T23:31:00.000Z',
    },
  ],
};

function withPicture(picture: string): string {
  return renderView(<AccountPage {...account} user={{ ...account.user, picture }} />);
}

/** Every page, with hostile text wherever somebody else chooses the text. */
const pages: readonly (readonly [string, VNode])[] = [
  ['welcome', <WelcomePage demo />],
  [
    'account',
    <AccountPage
      {...account}
      user={{ id: hostile, name: hostile, email: hostile, emailVerified: false, picture: hostile }}
      session={{ id: hostile, createdAt: hostile, expiresAt: hostile }}
      identities={[{ issuer: hostile, subject: hostile, lastLoginAt: hostile }]}
      sessions={[{ id: hostile, current: false, device: hostile, address: hostile, lastSeenAt: hostile }]}
      keys={[
        {
          id: hostile,
          name: hostile,
          prefix: hostile,
          scope: hostile,
          expiresAt: hostile,
          lastUsedAt: hostile,
        },
      ]}
    />,
  ],
  ['created key', <CreatedKeyPage name={hostile} value={hostile} />],
  ['applications elsewhere', <ApplicationsElsewherePage issuer={hostile} />],
  [
    'deletion of an account',
    <DeleteAccountPage
      provider="oidc"
      problem="account.delete.onlyOwner"
      orgs={[{ id: hostile, name: hostile }]}
    />,
  ],
  ['deletion of an account that is refused', <DeleteAccountPage provider="ory" stated={hostile} />],
  ['error', <ErrorPage title={hostile} advice={hostile} code={hostile} requestId={hostile} />],
  [
    'consent',
    <ConsentPage
      account={hostile}
      client={{
        id: hostile,
        name: hostile,
        logo: hostile,
        redirectHost: hostile,
        org: { name: hostile, domain: hostile },
        links: { clientUri: `javascript:${hostile}`, policyUri: hostile, tosUri: '//evil.example' },
      }}
      scopes={['openid', hostile]}
      challenge={hostile}
    />,
  ],
  ['logout', <LogoutPage challenge={hostile} />],
  ['demo', <DemoPage audience={hostile} issuer={hostile} />],
  ['docs', <DocsPage />],
];

describePages(pages);

describe('WelcomePage', () => {
  it('links to the example only where it is served', () => {
    expect(renderView(<WelcomePage demo />)).toContain('href="/demo"');
    expect(renderView(<WelcomePage demo={false} />)).not.toContain('href="/demo"');
  });
});

describe('AccountPage', () => {
  it('shows the person and the session', () => {
    const html = renderView(<AccountPage {...account} />);
    expect(html).toContain('<h1>Ada Lovelace</h1>');
    expect(html).toContain('<time datetime="2026-11-24T23:31:00.000Z">24 November 2026 at 23:31 UTC</time>');
    expect(html).toContain('<span class="avatar" aria-hidden="true">AL</span>');
    expect(html).toMatch(/<form method="post" action="\/auth\/logout">/);
  });

  it('leads to the settings and to verification where they are ours', () => {
    const user = { ...account.user, emailVerified: false };
    const ory = renderView(<AccountPage {...account} user={user} />);
    expect(ory).toContain('href="/ui/settings"');
    expect(ory).toContain('href="/ui/verification"');
    expect(renderView(<AccountPage {...account} user={user} provider="auth0" isElsewhere />)).not.toContain(
      'href="/ui/',
    );
  });

  it('lists the sessions, marks this one, and names the button of each other one', () => {
    const html = renderView(<AccountPage {...account} />);
    expect(html.match(/<li>.*?<\/li>/gs)?.filter((entry) => entry.includes('device'))).toHaveLength(2);
    expect(html).toMatch(/Firefox on Linux<\/strong> <span class="badge success">This device</);
    expect(html).toContain('<form method="post" action="/account/sessions/s-2/end">');
    expect(html).toContain('aria-label="End session: Safari on iPhone" aria-describedby="session-2"');
    expect(html).not.toContain('/account/sessions/s-1/end');
    expect(html).toContain('<form method="post" action="/account/sessions/end-others">');
  });

  it('lists the API keys by what is public of them, and names the button of each', () => {
    const html = renderView(<AccountPage {...account} />);
    expect(html).toContain('<code>vst_01980000…</code>, scope <code>orgs:read keys:read</code>');
    expect(html).toMatch(/Last used <time[^>]+>24 November 2026 at 23:31 UTC<\/time>, never expires/);
    expect(html).toMatch(/Never used, expires <time[^>]+>24 December 2026/);
    expect(html).toContain('<form method="post" action="/account/api-keys/k-1/revoke">');
    expect(html).toContain('aria-label="Revoke API key: Nightly export" aria-describedby="api-key-2"');
    expect(renderView(<AccountPage {...account} keys={undefined} />)).toContain('list of your API keys');
  });

  it('offers a key what its owner may do, and only to administrators what they alone may', () => {
    const labels = (isAdmin: boolean): readonly string[] =>
      parse(renderView(<AccountPage {...account} />, { user: { name: null, email: null, isAdmin } }))
        .querySelectorAll('fieldset label')
        .map((label) => label.structuredText);
    const own = labels(true);
    expect(own[0]).toBe('Everything that you may do');
    const ofAdministrators = own.filter((label) => /administrators|ended sessions/.test(label));
    expect(ofAdministrators).toContain(
      'Hear of ended sessions, changed users and revoked keys (administrators)',
    );
    // To anybody else, only what they can give.
    expect(labels(false)).toEqual(own.filter((label) => !ofAdministrators.includes(label)));
  });

  it('shows connected apps where they are ours, else says where they are', () => {
    expect(renderView(<AccountPage {...account} />)).toContain('<article>Applications</article>');
    const elsewhere = renderView(<AccountPage {...account} provider="oidc" isElsewhere />);
    expect(elsewhere).not.toContain('<article>Applications</article>');
    expect(elsewhere).toContain(english['apps.elsewhere']);
  });

  it('has no button for others where there are none, and a sentence where the list is not known', () => {
    const alone = renderView(<AccountPage {...account} sessions={account.sessions?.slice(0, 1)} />);
    expect(alone).not.toContain('/account/sessions/');
    const unknown = renderView(<AccountPage {...account} sessions={undefined} />);
    expect(unknown).toContain("can't be shown right now");
    expect(unknown).toContain('<h1>Ada Lovelace</h1>');
  });

  it('says what has just been done', () => {
    const html = renderView(<AccountPage {...account} notice="others_ended" />);
    expect(html).toContain('<p class="notice success" role="status">You');
  });

  it('shows a picture of a secure address only', () => {
    expect(withPicture('https://cdn.example/a.png')).toContain('src="https://cdn.example/a.png"');
    expect(withPicture('http://cdn.example/a.png')).not.toContain('cdn.example');
    expect(withPicture('javascript:alert(1)')).not.toContain('javascript:');
  });
});

it('the only owner of an organisation is told which one it is when they delete their account', () => {
  const orgs = [{ id: 'o-1', name: 'Engines' }];
  const page = <DeleteAccountPage provider="ory" problem="account.delete.onlyOwner" orgs={orgs} />;
  const alert = parse(renderView(page)).querySelector('[role=alert]');
  expect(alert?.querySelector('a[href="/orgs/o-1"]')?.text).toBe('Engines');
});

describe('ConsentPage', () => {
  it("links to the application's own pages, if they are on the web, without saying where the user comes from", () => {
    const links = { clientUri: 'https://app.example/', policyUri: 'javascript:alert(1)', tosUri: null };
    const client = { id: 'c-1', name: 'App', logo: null, links };
    const html = renderView(<ConsentPage account={null} client={client} scopes={['openid']} challenge="c" />);
    expect(html).toContain(
      '<a href="https://app.example/" target="_blank" rel="noopener noreferrer">Home page</a>',
    );
    expect(html).not.toMatch(/javascript:|Terms of service/);
  });

  it.each([
    ['example.com', 'The organisation Example Ltd., which has confirmed the domain example.com, owns it.'],
    [null, 'An organisation that calls itself Example Ltd. owns it. Nobody has checked that name.'],
  ])(
    'says what is known of the organisation that owns it, whose name anyone can choose: %s',
    (domain, words) => {
      const client = { id: 'c-1', name: 'App', logo: null, org: { name: 'Example Ltd.', domain } };
      const page = <ConsentPage account={null} client={client} scopes={['openid']} challenge="c" />;
      expect(renderView(page)).toContain(words);
    },
  );

  it.each([
    ['app.example:8443', /You will then continue to app\.example:8443\./],
    [null, /The answer goes to a program on this device\./],
    [undefined, /^(?!.*(?:continue to|on this device))/s],
  ])('says where the user goes then: %s', (redirectHost, words) => {
    const client = { id: 'c-1', name: 'App', logo: null, redirectHost };
    const page = <ConsentPage account={null} client={client} scopes={['openid']} challenge="c" />;
    expect(renderView(page)).toMatch(words);
  });

  it('asks for every scope once, in words, and always includes openid', () => {
    const html = renderView(
      <ConsentPage
        account="ann@example.com"
        client={{ id: 'c-1', name: null, logo: 'https://app.example/logo.png' }}
        scopes={['openid', 'email', 'email', 'invoices:read']}
        challenge="challenge-1"
      />,
    );
    expect(html).toContain('You are logged in as ann@example.com.');
    expect(html).toContain('Allow <strong>c-1</strong>');
    expect(html).toContain('src="https://app.example/logo.png"');
    expect(html).toContain('<input type="hidden" name="consent_challenge" value="challenge-1"/>');
    expect(html).toContain('<input type="hidden" name="grant_scope" value="openid"/>');
    expect(html.match(/name="grant_scope" type="checkbox" value="email" checked/g)).toHaveLength(1);
    expect(html).toContain('<code>invoices:read</code>');
    expect(html).toMatch(/name="decision" value="allow".*name="decision" value="deny"/s);
  });
});

describe('every page', () => {
  it('asks crawlers to leave it out', () => {
    const html = renderView(<ErrorPage title="Gone" advice="Start again." code="x" />);
    expect(html).toContain('<meta name="robots" content="noindex"/>');
  });
});

describe('ErrorPage', () => {
  it('leads back to the start when nothing better is known', () => {
    const html = renderView(<ErrorPage title="Gone" advice="Start again." code="x" />);
    expect(html).toContain('<a class="button" href="/">Back to the start</a>');
    expect(html).not.toContain('Request id');
  });
});

describe('Time', () => {
  it('shows what is no time as it is', () => {
    expect(renderView(<Time iso="soon" />)).toContain('<span>soon</span>');
  });
});
