import type { ComponentChildren, VNode } from 'preact';
import { AdminLayout } from '../../../pages/views/admin/admin-layout.view.js';
import type { PageNotice } from '../../../pages/views/notice.view.js';
import { OrgLayout, type OpenOrg } from '../../../pages/views/orgs/org-layout.view.js';

/** Where pages of applications are: in the administration, or at an organisation. */
export interface ApplicationsPlace {
  /** Path of the list. */
  readonly path: string;
  /** The organisation; undefined in the administration. */
  readonly org?: OpenOrg | undefined;
}

export interface ApplicationLayoutProps {
  readonly place: ApplicationsPlace;
  readonly title: string;
  readonly notice?: PageNotice | undefined;
  /** Whether a form on the page has errors. */
  readonly isWrong?: boolean | undefined;
  readonly children: ComponentChildren;
}

/** A page of applications, in the frame of the administration or of the organisation. */
export function ApplicationLayout({ place, ...props }: ApplicationLayoutProps): VNode {
  return place.org === undefined ? (
    <AdminLayout section="applications" {...props} />
  ) : (
    <OrgLayout {...place.org} section="applications" {...props} />
  );
}

/** Path of an application's page. @param below a path below it, with a leading slash. */
export function applicationHref({ path }: ApplicationsPlace, id: string, below = ''): string {
  return `${path}/${encodeURIComponent(id)}${below}`;
}

/** The page's own heading. An organisation's page has its name as the main heading. */
export function Title({
  place,
  id,
  children,
}: {
  readonly place: ApplicationsPlace;
  readonly id?: string | undefined;
  readonly children: ComponentChildren;
}): VNode {
  return place.org === undefined ? <h1 id={id}>{children}</h1> : <h2 id={id}>{children}</h2>;
}
