import type { VNode } from 'preact';
import type { ApplicationItem } from '../application.schemas.js';
import type { DeploymentAddresses } from '../program.catalogue.js';
import { CopyField } from '../../../pages/views/copy-field.view.js';
import { useTexts } from '../../../pages/views/page-props.js';
import { applicationTexts } from '../application-texts.js';
import { Time } from '../../../pages/views/time.view.js';
import {
  ApplicationLayout,
  type ApplicationsPlace,
  Title,
  applicationHref,
} from './application-layout.view.js';

export interface SecretPageProps {
  readonly place: ApplicationsPlace;
  readonly application: Pick<ApplicationItem, 'id' | 'name'>;
  readonly addresses: DeploymentAddresses;
  readonly secret: string;
  /** Until when the previous secret is accepted, ISO 8601; null: it isn't. */
  readonly previousUntil: string | null;
  /** Whether the application has just been registered. */
  readonly isNew: boolean;
}

/** Shows a new secret of an application. It can't be shown again. */
export function SecretPage({
  place,
  application: { id, name },
  addresses,
  secret,
  previousUntil,
  isNew,
}: SecretPageProps): VNode {
  const { text, rich } = useTexts(applicationTexts);
  const title = text(isNew ? 'applications.created.title' : 'applications.rotated.title', { name });
  return (
    <ApplicationLayout place={place} title={title}>
      <article class="card form" aria-labelledby="secret-title">
        <Title place={place} id="secret-title">
          {title}
        </Title>
        <p class="notice info" role="status">
          {text('applications.created.advice')}
        </p>
        <CopyField id="application-secret" label={text('applications.secret')} value={secret} />
        {!isNew && (
          <p>
            {previousUntil === null
              ? text('applications.previous.ended')
              : rich('applications.previous.until', { time: () => <Time iso={previousUntil} /> })}
          </p>
        )}
        {isNew && (
          <>
            <CopyField id="application-id" label={text('applications.clientId')} value={id} />
            <CopyField
              id="application-discovery"
              label={text('applications.discoveryUrl')}
              value={addresses.discoveryUrl}
            />
            <CopyField id="application-issuer" label={text('applications.issuer')} value={addresses.issuer} />
          </>
        )}
        <div class="actions">
          <a class="button" href={applicationHref(place, id)}>
            {text('applications.created.next')}
          </a>
        </div>
      </article>
    </ApplicationLayout>
  );
}
