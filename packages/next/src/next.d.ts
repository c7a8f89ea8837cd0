// What this package calls of Next.js, so that it can be built without it: Next.js has 300 MB. A test builds an application with both.

declare module 'next/headers' {
  export function headers(): Promise<Pick<Headers, 'get'>>;
}

declare module 'next/navigation' {
  export function redirect(url: string): never;
}
