import { Injectable } from '@nestjs/common';

/** Whether this process has been asked to end: it still answers, but accepts no new work. */
@Injectable()
export class DrainState {
  #isDraining = false;

  get isDraining(): boolean {
    return this.#isDraining;
  }

  begin(): void {
    this.#isDraining = true;
  }
}
