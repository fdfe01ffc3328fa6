/** STS: temporary credentials for workers. Loaded at its first use, which is a worker's registration. */
import { AssumeRoleCommand, STSClient, type STSClientConfig } from "@aws-sdk/client-sts";

export interface Assumed {
  readonly RoleArn: string;
  /** Shown in CloudTrail; 64 characters. */
  readonly RoleSessionName: string;
  /** Narrows what the role may do: JSON of an IAM policy. */
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
