/**
 * A page that sends the browser on at once.
 *
 * It is for a redirect to another host in answer to a form. Browsers apply the page's `form-action` policy to such a redirect,
 * while this page is a navigation of its own. It needs no script.
 * @param target absolute URL, as `URL.href` writes it.
 */
export function redirectPage(target: string): string {
  const url = target.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>One moment</title>',
    `<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="0;url=${url}"></head>`,
    `<body><p><a href="${url}">Go on</a></p></body></html>`,
  ].join('');
}

/** Whether a redirect leads to a page of another origin. */
export function leavesOrigin(location: string, origin: string): boolean {
  return (
    URL.canParse(location) &&
    /^https?:$/.test(new URL(location).protocol) &&
    new URL(location).origin !== origin
  );
}
