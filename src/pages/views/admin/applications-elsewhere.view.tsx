import type { VNode } from 'preact';
import { AdminLayout } from './admin-layout.view.js';
import { useLanguage } from '../page-props.js';

/**
 * `GET /admin/applications` where another provider registers applications.
 * @param issuer of the OpenID provider; undefined for Auth0.
 */
export function ApplicationsElsewherePage({ issuer }: { readonly issuer: string | undefined }): VNode {
  const { text, rich } = useLanguage();
  return (
    <AdminLayout section="applications" title={text('applications.title')}>
      <article class="card">
        <h1>{text('applications.title')}</h1>
        <p>
          {issuer === undefined
            ? rich('applications.elsewhere.auth0', {
                link: (words) => (
                  <a href="https://manage.auth0.com/" rel="noopener noreferrer">
                    {words}
                  </a>
                ),
              })
            : rich('applications.elsewhere.oidc', { issuer: () => <code>{issuer}</code> })}
        </p>
      </article>
    </AdminLayout>
  );
}
