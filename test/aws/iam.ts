/** Creates roles as the stack does, with two signed requests instead of the client for IAM, which is a further package. */
import type { STSClient } from "@aws-sdk/client-sts";

async function iam(sts: STSClient, Action: string, parameters: Record<string, string>): Promise<string> {
  const endpoint = await sts.config.endpoint!();
  const body = new URLSearchParams({ Action, Version: "2010-05-08", ...parameters }).toString();
  const host = `${endpoint.hostname}:${endpoint.port}`;
  const headers: Record<string, string> = { host, "content-type": "application/x-www-form-urlencoded" };
  const request = { method: "POST", ...endpoint, path: "/", query: {}, headers, body };
  const signer = await sts.config.signer();
  const signed = await signer.sign(request as never, { signingService: "iam", signingRegion: "us-east-1" });
  const answer = await fetch(`${endpoint.protocol}//${host}/`, { method: "POST", headers: signed.headers, body });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${Action}: ${answer.status} ${text}`);
  return text;
}

/** Creates a role that the account may assume, with rights on the queues whose names begin with `prefix`. Answers its ARN. */
export async function workerRole(sts: STSClient, RoleName: string, prefix: string): Promise<string> {
  const AssumeRolePolicyDocument = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { AWS: "arn:aws:iam::000000000000:root" }, Action: "sts:AssumeRole" }],
  });
  const made = await iam(sts, "CreateRole", { RoleName, AssumeRolePolicyDocument });
  const PolicyDocument = JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Action: ["sqs:ReceiveMessage", "sqs:DeleteMessage*", "sqs:ChangeMessageVisibility*"],
        Resource: `arn:aws:sqs:us-east-1:000000000000:${prefix}*`,
      },
    ],
  });
  await iam(sts, "PutRolePolicy", { RoleName, PolicyName: "queues", PolicyDocument });
  return /<Arn>(.*?)<\/Arn>/.exec(made)![1]!;
}
