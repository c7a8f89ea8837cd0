import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import type { Configuration } from '../config/configuration.js';
import { CONFIGURATION } from '../config/config.module.js';
import { ApplicationHosts } from './application-hosts.js';
import { CookieWriter } from './cookie-writer.js';
import { UpstreamCookies } from './upstream-cookies.js';

/** What is made for the deployment's origin. */
const perOrigin = [CookieWriter, UpstreamCookies].map((Cookies) => ({
  provide: Cookies,
  inject: [CONFIGURATION],
  useFactory: ({ PUBLIC_URL }: Configuration) => new Cookies(PUBLIC_URL),
}));

/** The module of what controllers need for cookies, and of the hosts of applications; hooks, filter and pipe are added in http-setup. */
@Module({
  imports: [DiscoveryModule],
  providers: [ApplicationHosts, ...perOrigin],
  exports: [ApplicationHosts, CookieWriter, UpstreamCookies],
})
export class HttpModule {}
