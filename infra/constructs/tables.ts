import type { RemovalPolicy } from "aws-cdk-lib";
import {
  AttributeType,
  BillingMode,
  type ITable,
  ProjectionType,
  StreamViewType,
  Table,
  TableEncryption,
  type TableProps,
} from "aws-cdk-lib/aws-dynamodb";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { Construct } from "constructs";
import { DUE_ATTRIBUTES, INDEXES, INPUTS_ATTRIBUTES, KEYS, RUNS_ATTRIBUTES } from "../../shared/aws/names.ts";

export interface TablesProps {
  /** Whether the tables are kept or deleted with the stack. */
  readonly removalPolicy: RemovalPolicy;
  /** Whether DynamoDB refuses to delete a table. */
  readonly deletionProtection: boolean;
  /** A key of the account's own. @default DynamoDB's own key */
  readonly key?: IKey | undefined;
  /** Tables that exist, such as restored ones: the stack uses them, and neither changes nor deletes them. @default none */
  readonly existing?: ExistingTables | undefined;
}

export interface ExistingTables {
  readonly executions: string;
  readonly registry: string;
  readonly schedules: string;
  readonly feed: string;
  /** The change stream of the executions, with new images. */
  readonly executionsStreamArn: string;
}

/**
 * The four tables: billed on demand, with point-in-time recovery, encrypted with DynamoDB's own key (a key of the account's
 * own costs KMS requests).
 *
 * `Table`, not `TableV2`: a global table with one replica has no advantage here, and in the emulator, whose provisioner of
 * global tables is incomplete, adding an index replaces the table.
 */
export class Tables extends Construct {
  /** Heads, runs, batches of histories, messages, progress reports. The feed is built from its stream. */
  readonly executions: ITable;
  /** Workspaces, API keys, deployments, registrations, workers' heartbeats. */
  readonly registry: ITable;
  readonly schedules: ITable;
  /** The events of a workspace in the order of streams and lists. */
  readonly feed: ITable;

  constructor(scope: Construct, id: string, { removalPolicy, deletionProtection, key, existing }: TablesProps) {
    super(scope, id);
    if (existing) {
      const { executions: tableName, executionsStreamArn: tableStreamArn } = existing;
      this.executions = Table.fromTableAttributes(this, "Executions", { tableName, tableStreamArn });
      this.registry = Table.fromTableName(this, "Registry", existing.registry);
      this.schedules = Table.fromTableName(this, "Schedules", existing.schedules);
      this.feed = Table.fromTableName(this, "Feed", existing.feed);
      return;
    }
    const common = {
      partitionKey: { name: KEYS.partition, type: AttributeType.STRING },
      sortKey: { name: KEYS.sort, type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: key ? TableEncryption.CUSTOMER_MANAGED : TableEncryption.DEFAULT,
      ...(key && { encryptionKey: key }),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      timeToLiveAttribute: KEYS.ttl,
      removalPolicy,
      deletionProtection,
    } satisfies TableProps;

    // New images only: the feed needs the written items, and old images would double the size of each record.
    const executions = new Table(this, "Executions", { ...common, stream: StreamViewType.NEW_IMAGE });
    executions.addGlobalSecondaryIndex({
      indexName: INDEXES.due.name,
      partitionKey: { name: INDEXES.due.partition, type: AttributeType.STRING },
      sortKey: { name: INDEXES.due.sort, type: AttributeType.NUMBER },
      projectionType: ProjectionType.INCLUDE,
      nonKeyAttributes: [...DUE_ATTRIBUTES],
    });
    executions.addGlobalSecondaryIndex({
      indexName: INDEXES.runs.name,
      partitionKey: { name: INDEXES.runs.partition, type: AttributeType.STRING },
      sortKey: { name: INDEXES.runs.sort, type: AttributeType.NUMBER },
      projectionType: ProjectionType.INCLUDE,
      nonKeyAttributes: [...RUNS_ATTRIBUTES],
    });

    executions.addGlobalSecondaryIndex({
      indexName: INDEXES.inputs.name,
      partitionKey: { name: INDEXES.inputs.partition, type: AttributeType.STRING },
      sortKey: { name: INDEXES.inputs.sort, type: AttributeType.NUMBER },
      projectionType: ProjectionType.INCLUDE,
      nonKeyAttributes: [...INPUTS_ATTRIBUTES],
    });

    this.executions = executions;
    this.registry = new Table(this, "Registry", common);

    const schedules = new Table(this, "Schedules", common);
    schedules.addGlobalSecondaryIndex({
      indexName: INDEXES.due.name,
      partitionKey: { name: INDEXES.due.partition, type: AttributeType.STRING },
      sortKey: { name: INDEXES.due.sort, type: AttributeType.NUMBER },
      projectionType: ProjectionType.KEYS_ONLY,
    });

    this.schedules = schedules;
    this.feed = new Table(this, "Feed", common);
  }
}
