import type { VNode } from 'preact';
import type { OrgAnswer } from '../../../orgs/org.schemas.js';
import { useLanguage, usePage } from '../../../pages/views/page-props.js';
import { orgHref } from '../../../pages/views/orgs/org-layout.view.js';

/** Whether an organisation's domain is confirmed, and the ways to confirm it; nothing without a domain. */
export function OrgDomain({ org }: { readonly org: OrgAnswer }): VNode | null {
  const { user } = usePage();
  const { text } = useLanguage();
  const { domain, domainState, domainProof, domainRecord: record } = org;
  if (domain === null || record === null) return null;
  return (
    <article class="card" aria-labelledby="domain-title">
      <h2 id="domain-title">{text('orgs.domain.title', { domain })}</h2>
      {domainState === 'confirmed' ? (
        <p>
          <span class="badge success">{text('orgs.domain.confirmed')}</span>{' '}
          {text(domainProof === 'administrator' ? 'orgs.domain.byAdministrator' : 'orgs.domain.byDns')}
        </p>
      ) : (
        <>
          <p>
            <span class="badge">{text('orgs.domain.unconfirmed')}</span> {text('orgs.domain.lead')}
          </p>
          <dl>
            <dt>{text('orgs.domain.recordName')}</dt>
            <dd>
              <code>{record.name}</code>
            </dd>
            <dt>{text('orgs.domain.recordValue')}</dt>
            <dd>
              <code>{record.value}</code>
            </dd>
          </dl>
          <div class="actions">
            <form method="post" action={orgHref(org, '/domain/check')}>
              <button type="submit">{text('orgs.domain.check')}</button>
            </form>
            {user?.isAdmin === true && (
              <form method="post" action={orgHref(org, '/domain/confirm')}>
                <input type="hidden" name="domain" value={domain} />
                <button type="submit" class="secondary" aria-describedby="domain-confirm-hint">
                  {text('orgs.domain.confirm')}
                </button>
              </form>
            )}
          </div>
          {user?.isAdmin === true && <p id="domain-confirm-hint">{text('orgs.domain.confirmHint')}</p>}
        </>
      )}
    </article>
  );
}
