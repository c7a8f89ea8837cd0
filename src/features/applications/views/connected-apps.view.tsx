import type { VNode } from 'preact';
import { useLanguage } from '../../../pages/views/page-props.js';
import { Time } from '../../../pages/views/time.view.js';

export interface ListedApp {
  readonly applicationId: string;
  /** As it was registered; null if it has none. */
  readonly name: string | null;
  /** Hosts to which it may send its users back: the one fact about it that it can't make up. */
  readonly redirectHosts: readonly string[];
  /** Whether it may also send them to a program on their device. */
  readonly redirectsToDevice: boolean;
  /** How it came to be known, if it registered itself; null for one that was registered here. */
  readonly selfRegistration: {
    readonly kind: 'metadata_document' | 'registration';
    readonly documentUrl: string | null;
  } | null;
  /** The protected resources that it may use, with what each granted scope permits. */
  readonly resources: readonly {
    readonly url: string;
    readonly name: string;
    readonly scopes: readonly { readonly scope: string; readonly description: string }[];
  }[];
  /** Scopes, separated by spaces. */
  readonly scope: string;
  /** ISO 8601. */
  readonly since: string;
  /** ISO 8601; null if no use was recorded. */
  readonly lastUsedAt: string | null;
}

export interface ConnectedAppsProps {
  /** Last used first; undefined if they can't be read now. */
  readonly apps: readonly ListedApp[] | undefined;
  /** Base path of the forms of each application, such as `/account/connected-apps`. */
  readonly revokeAt: string;
  /** Whether they are the viewer's own, who is told what they are. */
  readonly isOwn: boolean;
}

/** The applications that a user has given access, with a button to revoke each. It needs no script. */
export function ConnectedApps({ apps, revokeAt, isOwn }: ConnectedAppsProps): VNode {
  const { text } = useLanguage();
  return (
    <article class="card sessions" aria-labelledby="connected-apps-title">
      <h2 id="connected-apps-title">{text('apps.title')}</h2>
      {isOwn && <p class="lead">{text('apps.lead')}</p>}
      {apps === undefined || apps.length === 0 ? (
        <p>{text(apps === undefined ? 'apps.unknown' : 'apps.none')}</p>
      ) : (
        <ul>
          {apps.map((app, index) => (
            <AppEntry key={app.applicationId} app={app} revokeAt={revokeAt} detailsId={`app-${index + 1}`} />
          ))}
        </ul>
      )}
    </article>
  );
}

function AppEntry({
  app: {
    applicationId,
    name,
    redirectHosts,
    redirectsToDevice,
    selfRegistration,
    resources,
    scope,
    since,
    lastUsedAt,
  },
  revokeAt,
  detailsId,
}: {
  readonly app: ListedApp;
  readonly revokeAt: string;
  /** Id of the details, which distinguish the buttons of applications with the same name. */
  readonly detailsId: string;
}): VNode {
  const { text, rich, find } = useLanguage();
  const shownName = name ?? applicationId;
  const words = new Map(
    resources.flatMap(({ scopes }) => scopes).map((entry) => [entry.scope, entry.description]),
  );
  const own = scope.split(' ').filter((token) => token !== '' && !words.has(token));
  return (
    <li class="app">
      <div>
        <p class="app-name">
          <strong>{shownName}</strong>
        </p>
        <p class="details" id={detailsId}>
          {[...redirectHosts, ...(redirectsToDevice ? [text('apps.onDevice')] : [])].map((place) => (
            <span key={place}>
              {place}
              <br />
            </span>
          ))}
          {rich('apps.since', { time: () => <Time iso={since} /> })}
          <br />
          {lastUsedAt === null
            ? text('apps.neverUsed')
            : rich('apps.lastUsed', { time: () => <Time iso={lastUsedAt} /> })}
        </p>
        {selfRegistration !== null && (
          <p class="details">
            {text(`apps.self.${selfRegistration.kind}`, { host: hostOf(selfRegistration) })}
          </p>
        )}
        {resources.map(({ url, name: resource, scopes }) => (
          <p class="details" key={url}>
            {text('apps.mayAt', { resource })}
            {scopes.map((entry) => (
              <span key={entry.scope}>
                <br />
                {entry.description}
              </span>
            ))}
          </p>
        ))}
        {own.length > 0 && (
          <p class="details">
            {text(resources.length > 0 ? 'apps.mayAlso' : 'apps.may')}
            {own.map((token) => (
              <span key={token}>
                <br />
                {find(`consent.scope.${token}`) ?? <code>{token}</code>}
              </span>
            ))}
          </p>
        )}
      </div>
      <form method="post" action={`${revokeAt}/${encodeURIComponent(applicationId)}/revoke`}>
        <button
          type="submit"
          class="secondary danger"
          aria-label={text('apps.revokeNamed', { name: shownName })}
          aria-describedby={detailsId}
        >
          {text('apps.revoke')}
        </button>
      </form>
    </li>
  );
}

/** The host at which an application describes itself; an empty text for one that registered. */
function hostOf({ documentUrl }: NonNullable<ListedApp['selfRegistration']>): string {
  return documentUrl !== null && URL.canParse(documentUrl) ? new URL(documentUrl).host : '';
}
