import type { RemovalPolicy } from "aws-cdk-lib";
import {
  AttributeType,
  BillingMode,
  ProjectionType,
  StreamViewType,
  Table,
  TableEncryption,
  type TableProps,
} from "aws-cdk-lib/aws-dynamodb";
import { Construct } from "constructs";
import { DUE_ATTRIBUTES, INDEXES, INPUTS_ATTRIBUTES, KEYS, RUNS_ATTRIBUTES } from "../../shared/aws/names.ts";

export interface TablesProps {
  /** Whether the tables are kept or deleted with the stack. */
  readonly removalPolicy: RemovalPolicy;
  /** Whether DynamoDB refuses to delete a table. */
  readonly deletionProtection: boolean;
}

/**
 * The four tables: billed on demand, with point-in-time recovery, encrypted with DynamoDB's own key (a customer key would
 * cost KMS requests).
 *
 * `Table`, not `TableV2`: a global table with one replica has no advantage here, and in the emulator, whose provisioner of
 * global tables is incomplete, adding an index replaces the table.
 */
export class Tables extends Construct {
  /** Heads, runs, batches of histories, messages, progress reports. The feed is built from its stream. */
  readonly executions: Table;
  /** Workspaces, API keys, deployments, registrations, workers' heartbeats. */
  readonly registry: Table;
  readonly schedules: Table;
  /** The events of a workspace in the order of streams and lists. */
  readonly feed: Table;

  constructor(scope: Construct, id: string, { removalPolicy, deletionProtection }: TablesProps) {
    super(scope, id);
    const common = {
      partitionKey: { name: KEYS.partition, type: AttributeType.STRING },
      sortKey: { name: KEYS.sort, type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.DEFAULT,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      timeToLiveAttribute: KEYS.ttl,
      removalPolicy,
      deletionProtection,
    } satisfies TableProps;

    // New images only: the feed needs the written items, and old images would double the size of each record.
    this.executions = new Table(this, "Executions", { ...common, stream: StreamViewType.NEW_IMAGE });
    this.executions.addGlobalSecondaryIndex({
      indexName: INDEXES.due.name,
      partitionKey: { name: INDEXES.due.partition, type: AttributeType.STRING },
      sortKey: { name: INDEXES.due.sort, type: AttributeType.NUMBER },
      projectionType: ProjectionType.INCLUDE,
      nonKeyAttributes: [...DUE_ATTRIBUTES],
    });
    this.executions.addGlobalSecondaryIndex({
      indexName: INDEXES.runs.name,
      partitionKey: { name: INDEXES.runs.partition, type: AttributeType.STRING },
      sortKey: { name: INDEXES.runs.sort, type: AttributeType.NUMBER },
      projectionType: ProjectionType.INCLUDE,
      nonKeyAttributes: [...RUNS_ATTRIBUTES],
    });

    this.executions.addGlobalSecondaryIndex({
      indexName: INDEXES.inputs.name,
      partitionKey: { name: INDEXES.inputs.partition, type: AttributeType.STRING },
      sortKey: { name: INDEXES.inputs.sort, type: AttributeType.NUMBER },
      projectionType: ProjectionType.INCLUDE,
      nonKeyAttributes: [...INPUTS_ATTRIBUTES],
    });

    this.registry = new Table(this, "Registry", common);

    this.schedules = new Table(this, "Schedules", common);
    this.schedules.addGlobalSecondaryIndex({
      indexName: INDEXES.due.name,
      partitionKey: { name: INDEXES.due.partition, type: AttributeType.STRING },
      sortKey: { name: INDEXES.due.sort, type: AttributeType.NUMBER },
      projectionType: ProjectionType.KEYS_ONLY,
    });

    this.feed = new Table(this, "Feed", common);
  }
}
