import { Injectable } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';

/** Holds the OpenAPI document, which is created once the application knows its routes, and served later. */
@Injectable()
export class OpenApiDocument {
  #document: OpenAPIObject | undefined;

  set(document: OpenAPIObject): void {
    this.#document = document;
  }

  get(): OpenAPIObject {
    if (this.#document === undefined) {
      throw new ReferenceError('the OpenAPI document has not been made yet');
    }
    return this.#document;
  }
}
