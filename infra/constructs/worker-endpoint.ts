import { type FunctionUrl, FunctionUrlAuthType, InvokeMode } from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { FUNCTIONS } from "../../shared/aws/names.ts";
import type { Handler } from "./handler.ts";

export interface WorkerEndpointProps {
  readonly handler: Handler;
}

/**
 * The endpoint for workers: a function URL, so that the hot path (one call per step) costs only Lambda. AWS lets any
 * request through. The handler requires an API key, as the REST API does.
 */
export class WorkerEndpoint extends Construct {
  readonly url: FunctionUrl;

  constructor(scope: Construct, id: string, { handler }: WorkerEndpointProps) {
    super(scope, id);
    const streams = FUNCTIONS[handler.name].response === "stream";
    this.url = handler.function.addFunctionUrl({
      authType: FunctionUrlAuthType.NONE,
      invokeMode: streams ? InvokeMode.RESPONSE_STREAM : InvokeMode.BUFFERED,
    });
  }
}
