/** Port: what Prometheus is given. Implemented where prom-client is, which is only loaded when somebody may ask. */
export abstract class Exposition {
  /** Media type of the text. */
  abstract readonly contentType: string;

  /** Every metric, in Prometheus' text format. */
  abstract render(): Promise<string>;
}
