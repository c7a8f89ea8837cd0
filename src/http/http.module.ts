import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import type { Configuration } from '../config/configuration.js';
import { CONFIGURATION } from '../config/config.module.js';
import { CookieJar } from './cookie.writer.js';
import { UpstreamCookies } from './upstream.cookies.js';

/** What controllers need for cookies; hooks, filter and pipe are put on in http.setup. */
@Module({
  imports: [DiscoveryModule],
  providers: [
    {
      provide: CookieJar,
      inject: [CONFIGURATION],
      useFactory: ({ PUBLIC_URL }: Configuration) => new CookieJar(PUBLIC_URL),
    },
    {
      provide: UpstreamCookies,
      inject: [CONFIGURATION],
      useFactory: ({ PUBLIC_URL }: Configuration) => new UpstreamCookies(PUBLIC_URL),
    },
  ],
  exports: [CookieJar, UpstreamCookies],
})
export class HttpModule {}
