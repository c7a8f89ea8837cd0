import type { PageFrame } from '../page-props.js';

export type AdminSection = 'users' | 'orgs' | 'applications' | 'audit' | 'keys';

interface Section {
  readonly name: AdminSection;
  readonly href: string;
  /** Whose pages they are. */
  readonly feature?: string;
  /** The feature whose own page leads there. */
  readonly instead?: string;
}

/** Parts of the administration, in the order of its navigation. */
const sections: readonly Section[] = [
  { name: 'users', href: '/admin/users', feature: 'user-administration' },
  { name: 'users', href: '/admin/invite', feature: 'invites', instead: 'user-administration' },
  { name: 'orgs', href: '/admin/orgs', feature: 'organisations' },
  { name: 'applications', href: '/admin/applications' },
  { name: 'audit', href: '/admin/audit-events' },
  { name: 'keys', href: '/admin/keys' },
];

type Deployment = Pick<PageFrame, 'applications' | 'features'>;

/** The parts that the deployment has. */
export function openSections({ applications, features }: Deployment): readonly Section[] {
  return sections.filter(
    ({ name, feature, instead }) =>
      (name !== 'applications' || applications !== 'nowhere') &&
      (feature === undefined || features.has(feature)) &&
      (instead === undefined || !features.has(instead)),
  );
}

/** Path of the administration's first page. */
export function administrationStart(deployment: Deployment): string {
  const [first] = openSections(deployment);
  return first?.href ?? '/';
}
