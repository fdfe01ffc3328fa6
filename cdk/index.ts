/** `@sirocco/cdk`: an installation of Sirocco as a stack of any CDK app, with its functions and its console built. */
import type { Construct } from "constructs";
import type { ConsoleProps } from "../infra/constructs/console.ts";
import { type SiroccoStackProps as AllProps, SiroccoStack as BuiltStack } from "../infra/stack.ts";
import { ROUTES } from "../shared/protocol/routes.ts";
import { CONSOLE_FOLDER, FUNCTIONS_FOLDER } from "./assets.ts";

export interface SiroccoStackProps extends Omit<AllProps, "routes" | "bundles" | "console"> {
  /** Whether the stack has the console, a bucket and a CloudFront distribution, and its own host name. @default true */
  readonly console?: boolean | { readonly domain: NonNullable<ConsoleProps["domain"]> };
}

/**
 * One installation. Its outputs say the addresses of the API, of the workers and of the console, and the command that makes the first
 * API key.
 */
export class SiroccoStack extends BuiltStack {
  constructor(scope: Construct, id: string, { console = true, ...props }: SiroccoStackProps = {}) {
    const own = console === true ? {} : console;
    super(scope, id, {
      ...props,
      routes: ROUTES,
      bundles: FUNCTIONS_FOLDER,
      console: own === false ? undefined : { files: CONSOLE_FOLDER, ...own },
    });
  }

  /** Address for clients (`SIROCCO_URL` of programs that start executions). */
  get apiUrl(): string {
    return this.api.api.url;
  }

  /** Address for workers (`SIROCCO_URL` of workers). */
  get workerUrl(): string {
    return this.workers.url.url;
  }
}
