// Everything that Vestibule is measured beside.
import { betterAuthCached, betterAuthPlain } from './better-auth.mjs';
import { fastify, floor, nest, nodeHttp } from './limits.mjs';
import { oauth2Proxy } from './oauth2-proxy.mjs';
import { hydraIntrospection, kratosWhoami } from './ory.mjs';
import {
  expressOpenid,
  fastifyJwt,
  ironSession,
  nestExpress,
  nestFastify,
  nestSecureSession,
  secureSession,
} from './stateless.mjs';

export const peers = [
  nodeHttp,
  fastify,
  nest,
  floor,
  fastifyJwt,
  secureSession,
  nestSecureSession,
  ironSession,
  nestFastify,
  nestExpress,
  expressOpenid,
  betterAuthCached,
  oauth2Proxy,
  betterAuthPlain,
  kratosWhoami,
  hydraIntrospection,
];
