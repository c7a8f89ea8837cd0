/** Port: renders the metrics for Prometheus. Its implementation uses prom-client, which is loaded only if metrics are on. */
export abstract class Exposition {
  /** Media type of the text. */
  abstract readonly contentType: string;

  /** Every metric, in Prometheus' text format. */
  abstract render(): Promise<string>;
}
