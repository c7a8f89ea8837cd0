/** The paths that the self-service pages link to. `return_to` is added to links that must keep it. */
export interface FlowLinks {
  readonly login: string;
  readonly registration: string;
  readonly recovery: string;
  readonly settings: string;
  readonly verification: string;
  /** The account or welcome page. */
  readonly home: string;
  /** The account page after a login, which asks for nothing if Kratos has a session already. */
  readonly account: string;
}
