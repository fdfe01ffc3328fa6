import { Duration, Stack, Validations } from "aws-cdk-lib";
import {
  EndpointType,
  type Integration,
  type IResource,
  LambdaIntegration,
  ResponseTransferMode,
  ResponseType,
  RestApi,
} from "aws-cdk-lib/aws-apigateway";
import { Construct } from "constructs";
import { FUNCTIONS, type FunctionName, functionOf, type ServedArea } from "../../shared/aws/names.ts";
import type { Handler } from "./handler.ts";

/** The fields of a row of the routes table that API Gateway needs. */
export interface ApiRoute {
  readonly method: string;
  /** With parameters in braces: `/v1/workflows/executions/{execution_id}`. */
  readonly path: string;
  /** Names the function that serves the route, see `functionOf`. */
  readonly area: ServedArea;
  /** `sse` needs a streaming integration. */
  readonly kind: "json" | "empty" | "sse" | "file";
}

export interface ApiProps {
  readonly routes: readonly ApiRoute[];
  /** The functions that answer REST requests. */
  readonly handlers: ReadonlyMap<FunctionName, Handler>;
  /** The most requests a second, and at once. */
  readonly requestsPerSecond: number;
  /** Metrics of each method, besides those of the API. */
  readonly methodMetrics: boolean;
}

/**
 * The endpoint for clients: an API Gateway REST API with one method per row of the routes table, and HEAD beside GET. An explicit tree, so that
 * each area has its own function with its own rights. Beside it a `{proxy+}`, whose function answers unknown paths: API Gateway itself would take
 * their `Authorization: Bearer …` for a malformed signature.
 *
 * The integrations of a streaming function stream (server-sent events, and calls that wait for a result), for as
 * long as the function runs. A regional endpoint cuts a stream after 5 minutes of silence, so handlers send keep-alives.
 */
export class Api extends Construct {
  readonly api: RestApi;
  private readonly integrations = new Map<FunctionName, Integration>();

  constructor(scope: Construct, id: string, { routes, handlers, requestsPerSecond, methodMetrics }: ApiProps) {
    super(scope, id);
    this.api = new RestApi(this, "Rest", {
      // CloudWatch distinguishes APIs by their name alone.
      restApiName: Stack.of(this).stackName,
      description: "Sirocco: workflows API",
      // Edge-optimised endpoints cut a stream after 30 s of silence; regional ones after 5 minutes.
      endpointTypes: [EndpointType.REGIONAL],
      cloudWatchRole: false,
      deployOptions: {
        stageName: "api",
        description: "The only stage",
        throttlingRateLimit: requestsPerSecond,
        throttlingBurstLimit: Math.min(5_000, requestsPerSecond),
        metricsEnabled: methodMetrics,
      },
    });
    // The stack has an output for it with a name that does not change.
    this.api.node.tryRemoveChild("Endpoint");
    for (const route of routes) {
      const resource = this.resource(route.path);
      resource.addMethod(route.method, this.integration(route, handlers));
      // No row has HEAD: the API serves it like GET (MATCH-4), and API Gateway must let it through.
      if (route.method === "GET") {
        const head = { ...route, method: "HEAD", kind: "json" } as const;
        resource.addMethod("HEAD", this.integration(head, handlers));
      }
    }
    const unknown = this.integration({ method: "ANY", path: "/{proxy+}", area: "system", kind: "json" }, handlers);
    this.api.root.addMethod("ANY", unknown);
    this.api.root.addResource("{proxy+}").addMethod("ANY", unknown);
    this.formatGatewayResponses();
    this.acknowledgeFindings();
  }

  /**
   * Two routes may name the parameter at one position differently (`/{workflow_identifier}`, `/{workflow_name}/metrics`).
   * API Gateway allows one name per position, so the first one is used. The handlers match the raw path against the routes
   * table and never read API Gateway's path parameters.
   */
  private resource(path: string): IResource {
    let at: IResource = this.api.root;
    for (const part of path.split("/").filter(Boolean)) {
      const variable = part.startsWith("{")
        ? at.node.children.find((child) => child.node.id.startsWith("{"))?.node.id
        : undefined;
      at = at.getResource(variable ?? part) ?? at.addResource(part);
    }
    return at;
  }

  private integration(route: ApiRoute, handlers: ReadonlyMap<FunctionName, Handler>): Integration {
    const name = functionOf(route);
    const handler = handlers.get(name);
    const { response, timeoutSeconds } = FUNCTIONS[name];
    const where = `${route.method} ${route.path}: the function "${name}" of its area "${route.area}"`;
    if (!handler)
      throw new Error(`${where} does not answer REST requests: correct the routes table or shared/aws/names.ts`);
    if (route.kind === "sse" && response !== "stream")
      throw new Error(
        `${where} buffers, and a stream of events cannot be buffered: give the route another area, or the function the response stream`,
      );
    let integration = this.integrations.get(handler.name);
    if (!integration) {
      integration = new LambdaIntegration(handler.function, {
        responseTransferMode: response === "stream" ? ResponseTransferMode.STREAM : ResponseTransferMode.BUFFERED,
        timeout: Duration.seconds(timeoutSeconds),
        // One permission per function. One per method would exceed the size limit of a function's policy.
        scopePermissionToMethod: false,
      });
      this.integrations.set(handler.name, integration);
    }
    return integration;
  }

  /** The refusals of API Gateway itself get the body that all other refusals have. */
  private formatGatewayResponses(): void {
    const template = (type: ResponseType, statusCode: string | undefined, json: string) =>
      this.api.addGatewayResponse(`Answer${type.responseType}`, {
        type,
        statusCode,
        templates: { "application/json": json },
      });
    const respond = (type: ResponseType, statusCode: string | undefined, code: string, detail: string) =>
      template(type, statusCode, JSON.stringify({ detail, code }));
    // A known path with another method. No method of this API takes signatures: API Gateway finds one malformed only where
    // it finds no method, in the key of the caller (`Authorization: Bearer …`).
    const nothing = "There is nothing at this path and method. GET /openapi.json lists the operations.";
    respond(ResponseType.MISSING_AUTHENTICATION_TOKEN, "404", "NO_ROUTE", nothing);
    respond(ResponseType.INVALID_SIGNATURE, "404", "NO_ROUTE", nothing);
    respond(ResponseType.REQUEST_TOO_LARGE, "413", "PAYLOAD_TOO_LARGE", "The request is larger than 10 MB.");
    respond(ResponseType.THROTTLED, "429", "RATE_LIMITED", "Too many requests at once. Try again in a second.");
    // 408, not 504: clients repeat a 504, and a repeated execute would start the workflow twice.
    respond(
      ResponseType.INTEGRATION_TIMEOUT,
      "408",
      "WF_1103",
      "No answer in time. The request may have been carried out.",
    );
    // `messageString` has its quotes, and those within it are escaped.
    template(ResponseType.DEFAULT_4XX, undefined, '{"detail":$context.error.messageString,"code":"WF_1001"}');
    respond(
      ResponseType.DEFAULT_5XX,
      undefined,
      "WF_1000",
      "An unexpected error occurred. The server's log has the cause.",
    );
  }

  private acknowledgeFindings(): void {
    Validations.of(this).acknowledge(
      {
        id: "AwsSolutions-APIG1",
        reason:
          "Access logs need a CloudWatch role, which is a setting of the whole account that a stack must not change; handlers log each request with its id.",
      },
      {
        id: "AwsSolutions-APIG2",
        reason: "The handlers check every input by the schemas of the routes table.",
      },
      {
        id: "AwsSolutions-APIG3",
        reason: "A web ACL costs more than an idle installation; an operator can associate one with the stage.",
      },
      {
        id: "AwsSolutions-APIG4",
        reason:
          "Handlers check the API key of each request themselves, against a cache: no second function in the hot path.",
      },
      {
        id: "AwsSolutions-APIG6",
        reason: "Execution logs need the same account-wide role as access logs (APIG1).",
      },
      { id: "AwsSolutions-COG4", reason: "Clients authenticate by API key, as the API they were written for does." },
    );
  }
}
