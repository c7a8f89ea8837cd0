import { stringifySetCookie } from 'cookie';
import type { FastifyReply } from 'fastify';

/** Whether a cookie of a request is this product's, by its name or by the pair that begins with it. */
export function isOwnCookie(pair: string): boolean {
  return /^\s*(?:__Host-)?vestibule/.test(pair);
}

/** Names and marks this deployment's cookies; one instance for the whole process. */
export class CookieWriter {
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
   * Sets a cookie of this origin: HttpOnly, SameSite=Lax, Path=/, no Domain. If an answer sets a cookie twice, only
   * the later one is sent.
   * @param maxAge life in seconds.
   */
  set(reply: FastifyReply, name: string, value: string, maxAge: number): void {
    const cookie = stringifySetCookie(name, value, {
      path: '/',
      httpOnly: true,
      sameSite: 'lax',
      secure: this.#secure,
      maxAge,
      encode: (text) => text,
    });
    const others = [reply.getHeader('set-cookie') ?? []]
      .flat()
      .filter((set) => !String(set).startsWith(`${name}=`));
    reply.removeHeader('set-cookie');
    void reply.header('set-cookie', [...others.map(String), cookie]);
  }

  /** Makes the browser drop a cookie. */
  clear(reply: FastifyReply, name: string): void {
    this.set(reply, name, '', 0);
  }
}
