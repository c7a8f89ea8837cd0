import type fastifyCookie from '@fastify/cookie';
import type { FastifyReply } from 'fastify';

/** How this deployment's cookies are named and marked; one for the whole process. */
export class CookieJar {
  readonly #secure: boolean;

  /** @param publicUrl origin of the deployment: https makes cookies `Secure` and `__Host-`. */
  constructor(publicUrl: string) {
    this.#secure = publicUrl.startsWith('https:');
  }

  /** `__Host-` + name under https (RFC 6265bis section 4.1.3.2), the bare name on plain http. */
  name(name: string): string {
    return this.#secure ? `__Host-${name}` : name;
  }

  /**
   * Sets a cookie of this origin: HttpOnly, SameSite=Lax, Path=/, no Domain.
   * @param maxAge life in seconds.
   */
  set(reply: FastifyReply, name: string, value: string, maxAge: number): void {
    void reply.setCookie(name, value, this.#attributes(maxAge));
  }

  /** The same from an `onSend` hook, where cookies that were set before have been written already. */
  append(reply: FastifyReply, name: string, value: string, maxAge: number): void {
    void reply.header('set-cookie', reply.server.serializeCookie(name, value, this.#attributes(maxAge)));
  }

  /** Makes the browser drop a cookie. */
  clear(reply: FastifyReply, name: string): void {
    this.set(reply, name, '', 0);
  }

  #attributes(maxAge: number): fastifyCookie.SerializeOptions {
    return {
      path: '/',
      httpOnly: true,
      sameSite: 'lax',
      secure: this.#secure,
      maxAge,
      encode: (text) => text,
    };
  }
}
