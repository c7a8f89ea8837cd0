import { z } from 'zod';
import { toAsciiDomain } from '../../platform/core/ascii-domain.js';

/** Domains of public mail providers, which no organisation can have. */
const publicDomains = new Set(
  [
    'gmail.com googlemail.com icloud.com me.com mac.com aol.com msn.com ymail.com rocketmail.com',
    'proton.me protonmail.com pm.me tutanota.com tuta.io fastmail.com hey.com zoho.com mail.com email.com',
    'gmx.com gmx.de gmx.net gmx.at gmx.ch web.de t-online.de freenet.de posteo.de mailbox.org',
    'orange.fr free.fr laposte.net wanadoo.fr sfr.fr libero.it virgilio.it tiscali.it',
    'mail.ru bk.ru list.ru inbox.ru yandex.com yandex.ru ya.ru rambler.ru ukr.net wp.pl o2.pl onet.pl seznam.cz',
    'qq.com 163.com 126.com sina.com sohu.com foxmail.com naver.com daum.net hanmail.net rediffmail.com',
    'comcast.net verizon.net att.net sbcglobal.net cox.net bellsouth.net btinternet.com sky.com shaw.ca rogers.com',
    'bigpond.com optusnet.com.au uol.com.br bol.com.br terra.com.br mailinator.com guerrillamail.com yopmail.com',
  ].flatMap((line) => line.split(' ')),
);
/** The names of public mail providers that exist under many countries' top-level domains. */
const publicNames = /^(?:yahoo|hotmail|outlook|live|windowslive)\.[a-z.]+$/;

const hostName = /^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9-]{2,63}$/;

/** An e-mail domain that an organisation can have: in lower case, with other scripts in their ASCII form (RFC 5890). */
export const hostedDomainSchema = z
  .string()
  .max(253)
  .transform((text) => toAsciiDomain(text.trim()) ?? '')
  .refine((domain) => hostName.test(domain), { error: 'must be a host name, such as example.org' })
  .refine((domain) => !publicDomains.has(domain) && !publicNames.test(domain), {
    error: 'must not be a domain where anybody gets an address',
  })
  .meta({ description: 'An e-mail domain.', example: 'example.org' });

/** The domain of an e-mail address, in the form in which organisations' domains are stored; undefined if there is none. */
export function domainOf(email: string | null): string | undefined {
  const at = email?.lastIndexOf('@') ?? -1;
  return email === null || at < 1 ? undefined : toAsciiDomain(email.slice(at + 1));
}
