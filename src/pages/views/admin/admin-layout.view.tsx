import type { ComponentChildren, VNode } from 'preact';
import { Layout } from '../layout.view.js';
import { Notice, type PageNotice } from '../notice.view.js';
import { usePage } from '../page-props.js';

export type AdminSection = 'users' | 'orgs' | 'applications' | 'audit' | 'keys';

interface Section {
  readonly name: AdminSection;
  readonly href: string;
  /** Whose pages they are. */
  readonly feature?: string;
}

/** Parts of the administration, in the order of its navigation. */
const sections: readonly Section[] = [
  { name: 'users', href: '/admin/users' },
  { name: 'orgs', href: '/admin/orgs', feature: 'organisations' },
  { name: 'applications', href: '/admin/applications' },
  { name: 'audit', href: '/admin/audit-events' },
  { name: 'keys', href: '/admin/keys' },
];

export interface AdminLayoutProps {
  readonly section: AdminSection;
  readonly title: string;
  /** What has just been done. */
  readonly notice?: PageNotice | undefined;
  /** The name of what the notice is about. */
  readonly about?: string | undefined;
  /** Why the API refused the action, in its own words. */
  readonly refusal?: string | undefined;
  /** Whether a form on the page has errors. By default, whether there is a refusal. */
  readonly isWrong?: boolean | undefined;
  readonly children: ComponentChildren;
}

/** A page of the administration: navigation, notice or refusal, and the page's own content. */
export function AdminLayout(props: AdminLayoutProps): VNode {
  const { section, title, notice, about, refusal, isWrong = refusal !== undefined, children } = props;
  const {
    language: { text },
    applications,
    features,
  } = usePage();
  const open = sections.filter(
    ({ name, feature }) =>
      (name !== 'applications' || applications !== 'nowhere') &&
      (feature === undefined || features.has(feature)),
  );
  return (
    <Layout title={isWrong ? text('common.errorTitle', { title }) : title} width="wide">
      <nav class="sections" aria-label={text('site.administration')}>
        <ul>
          {open.map(({ name, href }) => (
            <li key={name}>
              <a href={href} aria-current={name === section ? 'page' : undefined}>
                {text(`admin.${name}`)}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      {notice && <Notice notice={notice} about={about} />}
      {refusal !== undefined && (
        <p class="notice error" role="alert">
          {text('admin.refused')} <span lang="en">{refusal}</span>
        </p>
      )}
      {children}
    </Layout>
  );
}
