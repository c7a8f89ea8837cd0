/** The entry point of `@vestibule-auth/browser`: the session of a page on the gateway's origin. */
export { type Client, type ClientOptions, type TokenOptions, createClient } from './client.js';
export { GatewayError } from './gateway.error.js';
export type { Session, User } from './session.js';
