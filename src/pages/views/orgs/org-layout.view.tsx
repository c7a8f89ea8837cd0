import type { ComponentChildren, VNode } from 'preact';
import type { OrgAct, OrgTarget } from '../../../orgs/org.policy.js';
import type { OrgAnswer } from '../../../orgs/org.schemas.js';
import { Layout } from '../layout.view.js';
import { Notice, type PageNotice } from '../notice.view.js';
import { useLanguage, usePage } from '../page-props.js';

/** An organisation, and what the person may do there. Nothing else is shown. */
export interface OpenOrg {
  readonly org: OrgAnswer;
  readonly can: (act: OrgAct, target?: OrgTarget) => boolean;
}

/** What every page of an organisation takes in addition to its own content. */
export interface OrgPageProps extends OpenOrg {
  /** What has just been done. */
  readonly notice?: PageNotice | undefined;
}

export type OrgSection = 'members' | 'invites' | 'keys' | 'applications' | 'connections' | 'settings';

interface Section {
  readonly name: OrgSection;
  readonly path: string;
  readonly act: OrgAct;
  /** Whose pages they are. */
  readonly feature?: string;
}

const sections: readonly Section[] = [
  { name: 'members', path: '', act: 'members.read' },
  { name: 'invites', path: '/invites', act: 'invites.read' },
  { name: 'keys', path: '/api-keys', act: 'keys.read' },
  { name: 'applications', path: '/applications', act: 'applications.read' },
  { name: 'connections', path: '/connections', act: 'connections.read', feature: 'connections' },
  { name: 'settings', path: '/settings', act: 'org.update' },
];

interface OrgLayoutProps extends OrgPageProps {
  readonly section: OrgSection;
  /** Whether a form on the page has errors. */
  readonly isWrong?: boolean | undefined;
  readonly children: ComponentChildren;
}

/** Path of an organisation's page. @param path below it, with a leading slash. */
export function orgHref({ id }: Pick<OrgAnswer, 'id'>, path = ''): string {
  return `/orgs/${encodeURIComponent(id)}${path}`;
}

/** Frame of an organisation's pages: its name, links to its other pages, and the notice. */
export function OrgLayout({ org, can, notice, section, isWrong, children }: OrgLayoutProps): VNode {
  const { language, applications, features } = usePage();
  const { text } = language;
  const open = sections.filter(
    ({ name, act, feature }) =>
      can(act) &&
      (name !== 'applications' || applications === 'here') &&
      (feature === undefined || features.has(feature)),
  );
  const title = `${text(`orgs.section.${section}`)} · ${org.name}`;
  return (
    <Layout title={isWrong === true ? text('common.errorTitle', { title }) : title}>
      {notice && <Notice notice={notice} />}
      <header class="org">
        <h1>{org.name}</h1>
        <p>
          <code>{org.slug}</code>{' '}
          <span class="badge">{text(org.role === null ? 'orgs.role.none' : `orgs.role.${org.role}`)}</span>
        </p>
        {open.length > 1 && (
          <nav class="sections" aria-label={text('orgs.sections')}>
            <ul>
              {open.map(({ name, path }) => (
                <li key={name}>
                  <a href={orgHref(org, path)} aria-current={name === section ? 'page' : undefined}>
                    {text(`orgs.section.${name}`)}
                  </a>
                </li>
              ))}
            </ul>
          </nav>
        )}
      </header>
      {children}
      <p class="elsewhere">
        <a href="/">{text('common.backToAccount')}</a>
      </p>
    </Layout>
  );
}

export interface NextPageProps {
  /** Path of the list. */
  readonly href: string;
  /** Whether this isn't the first page. */
  readonly isLater: boolean;
  /** Cursor of the next page; null on the last one. */
  readonly nextCursor: string | null;
}

/** Links to the first and the next page of a list. */
export function NextPage({ href, isLater, nextCursor }: NextPageProps): VNode | null {
  const { text } = useLanguage();
  return !isLater && nextCursor === null ? null : (
    <nav class="sections" aria-label={text('orgs.pages')}>
      <ul>
        {isLater && (
          <li>
            <a href={href}>{text('orgs.firstPage')}</a>
          </li>
        )}
        {nextCursor !== null && (
          <li>
            <a href={`${href}?${new URLSearchParams({ after: nextCursor })}`}>{text('orgs.nextPage')}</a>
          </li>
        )}
      </ul>
    </nav>
  );
}
