import { DomainName, EndpointType, type RestApi, SecurityPolicy } from "aws-cdk-lib/aws-apigateway";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import { ARecord, HostedZone, RecordTarget } from "aws-cdk-lib/aws-route53";
import { ApiGatewayDomain } from "aws-cdk-lib/aws-route53-targets";
import { Construct } from "constructs";

export interface CustomDomainProps {
  readonly api: RestApi;
  /** Host name for clients, for instance `workflows.example.com`. */
  readonly name: string;
  /** ARN of its certificate, in the region of the stack. */
  readonly certificateArn: string;
  /** Hosted zone to put the alias record into. @default none: point the name at the `CustomDomainTarget` output yourself */
  readonly hostedZone?: { readonly id: string; readonly name: string };
}

/** A custom domain for the REST API. Workers call the function URL, which cannot have one. */
export class CustomDomain extends Construct {
  readonly domain: DomainName;

  constructor(scope: Construct, id: string, { api, name, certificateArn, hostedZone }: CustomDomainProps) {
    super(scope, id);
    this.domain = new DomainName(this, "Domain", {
      domainName: name,
      certificate: Certificate.fromCertificateArn(this, "Certificate", certificateArn),
      endpointType: EndpointType.REGIONAL,
      securityPolicy: SecurityPolicy.TLS_1_2,
      mapping: api,
    });
    if (hostedZone) {
      new ARecord(this, "Alias", {
        zone: HostedZone.fromHostedZoneAttributes(this, "Zone", {
          hostedZoneId: hostedZone.id,
          zoneName: hostedZone.name,
        }),
        recordName: name,
        target: RecordTarget.fromAlias(new ApiGatewayDomain(this.domain)),
      });
    }
  }
}
