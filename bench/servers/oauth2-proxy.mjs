// oauth2-proxy in front of a small upstream, with a session from a login at the provider; and as forward auth by itself.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { freePort, startChild } from '../child.mjs';
import { buildGo } from '../go.mjs';
import { openBrowser } from './browser.mjs';
import { peersFolder, startPeer } from './peer.mjs';
import { damaged } from './stateless.mjs';

export const version = '7.15.6';

/** Starts it in front of an upstream, and logs in. @returns with the headers of the session. */
export async function startGuard(bench, upstream, path) {
  const program = await buildGo(
    join(peersFolder, 'oauth2-proxy'),
    'github.com/oauth2-proxy/oauth2-proxy/v7',
    `oauth2-proxy-${version}`,
  );
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const client = bench.openid.register(`${origin}/oauth2/callback`);
  const proxy = await startChild({
    command: program,
    args: [
      '--provider=oidc',
      `--oidc-issuer-url=${bench.openid.issuer}`,
      `--client-id=${client.client_id}`,
      `--client-secret=${client.client_secret}`,
      `--cookie-secret=${randomBytes(16).toString('hex')}`,
      '--cookie-secure=false',
      '--email-domain=*',
      `--http-address=127.0.0.1:${port}`,
      `--redirect-url=${origin}/oauth2/callback`,
      `--upstream=${upstream}`,
      '--skip-provider-button=true',
      '--set-xauthrequest=true',
      '--code-challenge-method=S256',
    ],
    log: join(bench.folder, 'oauth2-proxy.log'),
    probe: `${origin}/ping`,
  });
  const browser = openBrowser();
  await browser.follow(origin + path);
  return { origin, ...proxy, headers: { cookie: await browser.cookies(origin + path) } };
}

export const oauth2Proxy = {
  name: 'oauth2-proxy',
  title: 'oauth2-proxy and its upstream, encrypted cookie',
  kind: 'stateless',
  needs: 'go',
  versions: () => `oauth2-proxy ${version}`,
  async start(bench) {
    const upstream = await startPeer(bench, 'upstream', {}, '/me');
    const proxy = await startGuard(bench, upstream.origin, '/me');
    const { origin, headers } = proxy;
    const url = `${origin}/me`;
    const refused = [{}, { cookie: damaged(headers.cookie) }];
    return {
      processes: () => [proxy.pid, upstream.pid],
      stop: async () => {
        await proxy.stop();
        await upstream.stop();
      },
      cases: [
        { id: 'oauth2-proxy', title: this.title, url, headers, refused },
        {
          id: 'oauth2-proxy-auth',
          title: 'oauth2-proxy, forward auth alone',
          url: `${origin}/oauth2/auth`,
          headers,
          refused,
          status: 202,
          read: (headers) => ({
            sub: headers['x-auth-request-user'],
            email: headers['x-auth-request-email'],
          }),
        },
      ],
    };
  },
};
