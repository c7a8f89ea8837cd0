import type { VNode } from 'preact';
import type { ApplicationItem } from '../application.schemas.js';
import type { PageNotice } from '../../../pages/views/notice.view.js';
import { NextPage } from '../../../pages/views/orgs/org-layout.view.js';
import { useTexts } from '../../../pages/views/page-props.js';
import { applicationTexts } from '../application-texts.js';
import { Time } from '../../../pages/views/time.view.js';
import {
  ApplicationLayout,
  type ApplicationsPlace,
  Title,
  applicationHref,
} from './application-layout.view.js';

export interface ApplicationsPageProps {
  readonly place: ApplicationsPlace;
  /** One page, oldest first. */
  readonly applications: { readonly items: readonly ApplicationItem[]; readonly nextCursor: string | null };
  /** Whether it isn't the first page. */
  readonly isLater: boolean;
  /** Names of the organisations that they belong to, by id; undefined on an organisation's own page. */
  readonly orgNames?: ReadonlyMap<string, string> | undefined;
  readonly notice?: PageNotice | undefined;
}

/** `GET /admin/applications` and `GET /orgs/:id/applications`. */
export function ApplicationsPage({
  place,
  applications: { items, nextCursor },
  isLater,
  orgNames,
  notice,
}: ApplicationsPageProps): VNode {
  const { text } = useTexts(applicationTexts);
  const title = text('applications.title');
  return (
    <ApplicationLayout place={place} title={title} notice={notice}>
      <article class="card sessions" aria-labelledby="applications-title">
        <header class="title">
          <Title place={place} id="applications-title">
            {title}
          </Title>
          <a class="button compact" href={`${place.path}/new`}>
            {text('applications.new')}
          </a>
        </header>
        <p class="lead">{text(place.org === undefined ? 'applications.lead' : 'applications.leadOrg')}</p>
        {place.org === undefined && (
          <p>
            <a href={`${place.path}/agents`}>{text('agents.link')}</a>
          </p>
        )}
        {items.length === 0 ? (
          <p>{text('applications.none')}</p>
        ) : (
          <ul>
            {items.map((application) => (
              <Entry
                key={application.id}
                place={place}
                application={application}
                orgName={orgNames?.get(application.orgId ?? '')}
              />
            ))}
          </ul>
        )}
        <NextPage href={place.path} isLater={isLater} nextCursor={nextCursor} />
      </article>
    </ApplicationLayout>
  );
}

function Entry({
  place,
  application: { id, name, kind, firstParty, redirectUris, createdAt },
  orgName,
}: {
  readonly place: ApplicationsPlace;
  readonly application: ApplicationItem;
  readonly orgName: string | undefined;
}): VNode {
  const { text, rich } = useTexts(applicationTexts);
  return (
    <li>
      <div>
        <p class="key-name">
          <a href={applicationHref(place, id)}>{name}</a>{' '}
          <span class="badge">{text(`applications.kind.${kind}`)}</span>{' '}
          {firstParty && <span class="badge success">{text('applications.firstParty')}</span>}
        </p>
        <p class="details">
          {orgName !== undefined && `${text('applications.ofOrg', { name: orgName })}, `}
          {rich('applications.since', { time: () => <Time iso={createdAt} /> })}
          {redirectUris.length > 0 && (
            <>
              <br />
              {[...new Set(redirectUris.map((uri) => targetOf(uri)))].join(', ')}
            </>
          )}
        </p>
      </div>
    </li>
  );
}

/** What distinguishes applications of one name: the host of a redirect URI, or all of one without a host. */
function targetOf(uri: string): string {
  return (URL.canParse(uri) && new URL(uri).host) || uri;
}
