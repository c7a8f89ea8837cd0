import { lookAlikesOf } from './application-name.js';

/**
 * Names that mean something to programs or people: roles and groups that programs come with, accounts of operating
 * systems, mailboxes of RFC 2142, and who speaks for the deployment.
 */
const isKnown = lookAlikesOf(
  [
    // Roles here, and those that programs come with.
    'admin admins administration administrator administrators adm sysadmin sysadmins superadmin superadmins',
    'superuser superusers owner owners member members user users guest guests manager managers master masters',
    'maintainer maintainers developer developers editor editors viewer viewers auditor auditors operator operators',
    'moderator moderators mod mods supervisor supervisors',
    // Everyone, or nobody.
    'all any everyone everybody anyone anybody authenticated unauthenticated anonymous public private internal external',
    'role roles group groups org orgs team cluster realm site server app api',
    'default global none null nobody nogroup trusted verified privileged official',
    // Accounts and groups of operating systems.
    'root su sudo sudoers wheel system sys daemon shadow docker lxd service',
    // Who speaks for the deployment.
    'staff employee employees support help helpdesk servicedesk security infosec abuse operations ops devops sre',
    'postmaster hostmaster webmaster noreply vestibule',
  ].flatMap((names) => names.split(' ')),
);

/** Words that give a longer short name the meaning of a reserved one: `argocd-admins`. */
const isTelling = lookAlikesOf(
  'admin admins administrator administrators sysadmin sysadmins superadmin superadmins superuser superusers sudoers'.split(
    ' ',
  ),
);

/** Whether a name is, or looks like, one that means something to programs or people. @param brand the product's name, which is one. */
export function isReservedName(name: string, brand: string): boolean {
  return isKnown(name) || lookAlikesOf([brand])(name);
}

/** The same of the short name of an organisation, which programs compare: one of its words is enough to tell. */
export function isReservedSlug(slug: string, brand: string): boolean {
  return isReservedName(slug, brand) || slug.split('-').some((word) => isTelling(word));
}
