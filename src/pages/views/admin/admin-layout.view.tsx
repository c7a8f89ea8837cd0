import type { ComponentChildren, VNode } from 'preact';
import { Layout } from '../layout.view.js';
import { Notice, type PageNotice } from '../notice.view.js';
import { usePage } from '../page-props.js';
import { type AdminSection, openSections } from './admin-sections.js';

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
  const page = usePage();
  const { text } = page.language;
  return (
    <Layout title={isWrong ? text('common.errorTitle', { title }) : title} width="wide">
      <nav class="sections" aria-label={text('site.administration')}>
        <ul>
          {openSections(page).map(({ name, href }) => (
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
