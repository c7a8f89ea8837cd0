import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { listPage, mailDocument, mailPage, mailPolicy, noticePage, pagePolicy } from './mailbox.page.js';
import type { MailpitClient } from './mailpit.client.js';

/** The mailbox that runs. */
export interface MailboxServer {
  /** Ends it, with all connections. */
  stop(): Promise<void>;
}

/** Where it listens. */
export interface MailboxPlace {
  readonly host: string;
  readonly port: number;
}

const headers = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
};
const mailPath = /^\/mails\/([A-Za-z0-9]{1,64})(\/content)?$/;
/** What Mailpit itself answers, by methods. */
const passed = [
  { path: /^\/api\/v1\//, methods: ['GET', 'PUT', 'DELETE'] },
  { path: /^\/view\//, methods: ['GET'] },
];

/**
 * Shows Mailpit's mails in a browser, without scripts: a Mailpit that Go builds from its module has no pages. Its API is
 * passed on. A request by another host name, as by a page whose name was made to lead to loopback, is refused.
 */
export async function startMailbox(
  { host, port }: MailboxPlace,
  mailpit: MailpitClient,
): Promise<MailboxServer> {
  const hosts = new Set([`127.0.0.1:${port}`, `localhost:${port}`]);
  const server = createServer((request, response) => {
    if (!hosts.has(request.headers.host?.toLowerCase() ?? '')) {
      sendText(response, 403, 'The mailbox is at 127.0.0.1 and localhost only.');
      return;
    }
    answer(request, response, mailpit).catch(() => fail(response));
  });
  server.listen({ host, port, exclusive: true });
  await once(server, 'listening');
  return {
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  mailpit: MailpitClient,
): Promise<void> {
  const address = `http://localhost${request.url?.startsWith('/') === true ? request.url : '/-'}`;
  const { pathname, search } = new URL(address);
  const pass = passed.find(({ path }) => path.test(pathname));
  const methods = pass?.methods ?? ['GET'];
  if (!methods.includes(request.method ?? '')) {
    response.setHeader('allow', methods.join(', '));
    sendText(response, 405, `Only ${methods.join(', ')} here.`);
    return;
  }
  if (pass !== undefined) {
    for (const [name, value] of Object.entries(headers)) {
      response.setHeader(name, value);
    }
    await mailpit.pass(request, pathname + search, response);
    return;
  }
  if (pathname === '/') {
    sendHtml(response, 200, listPage(await mailpit.list()));
    return;
  }
  const [, id, content] = mailPath.exec(pathname) ?? [];
  const mail = id === undefined ? undefined : await mailpit.find(id);
  if (mail === undefined) {
    sendHtml(response, 404, noticePage('Not found', 'This mail is not in the mailbox, or not any more.'));
  } else if (content === undefined) {
    sendHtml(response, 200, mailPage(mail));
  } else {
    sendHtml(response, 200, mailDocument(mail), mailPolicy);
  }
}

function fail(response: ServerResponse): void {
  if (response.headersSent) {
    response.destroy();
  } else {
    const text = 'Mailpit, which keeps the mails, does not answer. It may be starting: try again.';
    sendHtml(response, 502, noticePage('No answer', text));
  }
}

function sendHtml(response: ServerResponse, status: number, body: string, policy = pagePolicy): void {
  response.writeHead(status, {
    ...headers,
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy,
  });
  response.end(body);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    ...headers,
    'content-type': 'text/plain; charset=utf-8',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  });
  response.end(`${text}\n`);
}
