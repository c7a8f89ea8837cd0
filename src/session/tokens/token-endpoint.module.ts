import { Module } from '@nestjs/common';
import { ForeignTokens } from './foreign-tokens.js';
import { TokenGrants } from './token-grants.js';

/** The module of what features add to the token endpoint, whichever of them serves it. */
@Module({ providers: [ForeignTokens, TokenGrants], exports: [ForeignTokens, TokenGrants] })
export class TokenEndpointModule {}
