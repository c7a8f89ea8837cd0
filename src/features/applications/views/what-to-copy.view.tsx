import type { VNode } from 'preact';
import type { ApplicationItem } from '../application.schemas.js';
import {
  type DeploymentAddresses,
  type Program,
  machineRequests,
  programs,
  redirectUriOf,
} from '../program.catalogue.js';
import { CopyField } from '../../../pages/views/copy-field.view.js';
import { useTexts } from '../../../pages/views/page-props.js';
import { applicationTexts } from '../application-texts.js';

export interface WhatToCopyProps {
  readonly application: ApplicationItem;
  readonly addresses: DeploymentAddresses;
}

/** What to copy into the other program: the values, and ready-made settings for some programs. */
export function WhatToCopy({ application, addresses }: WhatToCopyProps): VNode {
  const { text } = useTexts(applicationTexts);
  const { id, kind, scope, redirectUris } = application;
  const hasUsers = kind !== 'machine';
  return (
    <article class="card" aria-labelledby="copy-title">
      <h2 id="copy-title">{text('applications.copy.title')}</h2>
      <p class="lead">{text(`applications.copy.${hasUsers ? 'lead' : 'leadMachine'}`)}</p>
      {hasUsers && (
        <CopyField
          id="application-discovery"
          label={text('applications.discoveryUrl')}
          value={addresses.discoveryUrl}
        />
      )}
      <CopyField id="application-issuer" label={text('applications.issuer')} value={addresses.issuer} />
      <CopyField id="application-id" label={text('applications.clientId')} value={id} />
      {redirectUris.map((uri, index) => (
        <CopyField
          key={uri}
          id={`application-redirect-${index + 1}`}
          label={text('applications.redirectUri')}
          value={uri}
        />
      ))}
      {!hasUsers && <Requests application={application} addresses={addresses} />}
      <dl>
        <div>
          <dt>{text('applications.secret')}</dt>
          <dd>
            {text(
              application.tokenEndpointAuthMethod === 'none'
                ? 'applications.copy.noSecret'
                : application.jwks === null
                  ? 'applications.copy.secret'
                  : 'applications.copy.keys',
            )}
          </dd>
        </div>
        <div>
          <dt>{text('applications.scopes')}</dt>
          <dd>
            <code>{scope === '' ? '–' : scope}</code>
          </dd>
        </div>
        {hasUsers && (
          <div>
            <dt>{text('applications.pkce')}</dt>
            <dd>{text(`applications.copy.protection.${application.codeProtection}`)}</dd>
          </div>
        )}
      </dl>
      {kind === 'web' && application.jwks === null && (
        <section aria-labelledby="programs-title">
          <h3 id="programs-title">{text('programs.title')}</h3>
          {programs.map((program) => (
            <ProgramSettings
              key={program.id}
              program={program}
              application={application}
              addresses={addresses}
            />
          ))}
        </section>
      )}
    </article>
  );
}

/** What a machine sends for a token of the gateway. */
function Requests({ application, addresses }: WhatToCopyProps): VNode {
  const { text } = useTexts(applicationTexts);
  const { id: clientId } = application;
  const { issuer, exchangeUrl, audience } = addresses;
  return (
    <>
      <CopyField
        id="application-token-url"
        label={text('applications.tokenUrl')}
        value={`${issuer}/oauth2/token`}
      />
      <CopyField id="application-audience" label={text('applications.audience')} value={audience} />
      <CopyField id="application-exchange" label={text('applications.exchangeUrl')} value={exchangeUrl} />
      {application.jwks === null && (
        <>
          <p>{text('applications.copy.requestsLead')}</p>
          <CopyField
            id="application-requests"
            label={text('applications.copy.requests')}
            value={machineRequests({ ...addresses, clientId })}
            isCode
          />
        </>
      )}
    </>
  );
}

function ProgramSettings({
  program,
  application,
  addresses,
}: WhatToCopyProps & { readonly program: Program }): VNode {
  const { text, rich } = useTexts(applicationTexts);
  const { id, name, version, hasPkce, settings } = program;
  const { redirectUris, scope, codeProtection } = application;
  const redirectUri = redirectUriOf(program, redirectUris);
  const isRegistered = redirectUris.includes(redirectUri);
  const facts = { ...addresses, clientId: application.id, redirectUri, scope };
  const shown = settings(facts);
  return (
    <details>
      <summary>{name}</summary>
      {!hasPkce && codeProtection !== 'none' && (
        <p class="notice error">{text('programs.withoutPkce', { name, version })}</p>
      )}
      <p>{text(`programs.${id}.where`)}</p>
      <p>
        {rich(isRegistered ? 'programs.redirectUri' : 'programs.redirectUriMissing', {
          uri: () => <code>{redirectUri}</code>,
        })}
      </p>
      {shown.includes('<secret>') && <p>{text('programs.lead')}</p>}
      <CopyField id={`program-${id}`} label={text('programs.settings', { name })} value={shown} isCode />
    </details>
  );
}
