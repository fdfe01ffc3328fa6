/** STS: temporary credentials for workers. Loaded at the first registration of a worker. */
import { AssumeRoleCommand, STSClient, type STSClientConfig } from "@aws-sdk/client-sts";

export interface Assumed {
  readonly RoleArn: string;
  /** Shown in CloudTrail; 64 characters. */
  readonly RoleSessionName: string;
  /** JSON of an IAM policy that narrows the rights of the role. */
  readonly Policy: string;
  readonly DurationSeconds: number;
}

export class Sts {
  readonly client: STSClient;

  constructor(config: STSClientConfig) {
    this.client = new STSClient(config);
  }

  async assume(role: Assumed) {
    const { Credentials } = await this.client.send(new AssumeRoleCommand({ ...role }));
    return {
      access_key_id: Credentials!.AccessKeyId!,
      secret_access_key: Credentials!.SecretAccessKey!,
      session_token: Credentials!.SessionToken!,
      expires_at: Credentials!.Expiration!.getTime(),
    };
  }
}
