import { spawn } from 'node:child_process';

const openers: Readonly<Record<string, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  // Not `cmd /c start`: a shell would interpret the URL.
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

/** Opens a URL in the desktop's browser. Does nothing if there is no desktop, because the URL is printed as well. */
export function openBrowser(url: string): void {
  const [program, ...before] = openers[process.platform] ?? ['xdg-open'];
  const child = spawn(program, [...before, url], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}
