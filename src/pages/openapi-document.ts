import { Injectable } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';

/** The OpenAPI document, created when it is first asked for, because that takes a fifth of a start's time. */
@Injectable()
export class OpenApiDocument {
  #create: (() => OpenAPIObject) | undefined;
  #document: OpenAPIObject | undefined;

  /** @param create called once, with all routes known. */
  set(create: () => OpenAPIObject): void {
    this.#create = create;
  }

  get(): OpenAPIObject {
    if (this.#create === undefined) {
      throw new ReferenceError('the application has not been set up yet');
    }
    return (this.#document ??= this.#create());
  }
}
