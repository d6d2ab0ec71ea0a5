import { z } from "zod";

interface Partition {
  /** Where STS is called when no region is named, and the region its signature is for. */
  readonly stsHost: string;
  readonly signingRegion: string;
  /** What follows `sts.{region}.` */
  readonly domain: string;
  /** What follows `{region}.` in the address of the web console. */
  readonly consoleHost: string;
  readonly regions: readonly string[];
}

/**
 * AWS by partition. A host name is made of nothing but this table.
 *
 * @see https://docs.aws.amazon.com/general/latest/gr/sts.html
 */
const PARTITIONS: Readonly<Record<string, Partition>> = {
  aws: {
    stsHost: "sts.amazonaws.com",
    signingRegion: "us-east-1",
    domain: "amazonaws.com",
    consoleHost: "console.aws.amazon.com",
    regions: [
      ...["us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "ca-west-1", "mx-central-1", "sa-east-1"],
      ...[
        "eu-central-1",
        "eu-central-2",
        "eu-north-1",
        "eu-south-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
      ],
      ...["ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2"],
      ...["ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-7"],
      ...["af-south-1", "il-central-1", "me-central-1", "me-south-1"],
    ],
  },
  "aws-cn": {
    stsHost: "sts.cn-north-1.amazonaws.com.cn",
    signingRegion: "cn-north-1",
    domain: "amazonaws.com.cn",
    consoleHost: "console.amazonaws.cn",
    regions: ["cn-north-1", "cn-northwest-1"],
  },
  "aws-us-gov": {
    stsHost: "sts.us-gov-west-1.amazonaws.com",
    signingRegion: "us-gov-west-1",
    domain: "amazonaws.com",
    consoleHost: "console.amazonaws-us-gov.com",
    regions: ["us-gov-east-1", "us-gov-west-1"],
  },
};

/** Partition, 12-digit account, optional path, name: no wildcard, no other service, no other resource. */
const ROLE_ARN = /^arn:(aws|aws-cn|aws-us-gov):iam::(\d{12}):role\/(?:[\w+=,.@-]{1,64}\/){0,8}[\w+=,.@-]{1,64}$/;

export const roleArn = z.string().regex(ROLE_ARN, "must be the ARN of a role: arn:aws:iam::<12 digits>:role/<name>");

export const regionName = z.enum(Object.values(PARTITIONS).flatMap(({ regions }) => regions));

/** What STS calls about a role are addressed to. */
export interface StsEndpoint {
  readonly url: string;
  readonly signingRegion: string;
}

/** @param arn A string {@link roleArn} accepted. */
export function accountOf(arn: string): string {
  return ROLE_ARN.exec(arn)?.[2] ?? "";
}

/** True when the region, if any, is one of the partition the role is in. */
export function isRegionOf(arn: string, region: string | undefined): boolean {
  return region === undefined || partitionOf(arn).regions.includes(region);
}

/** Host of the web console of a region {@link regionName} accepted, without the region before it. */
export function consoleHostOf(region: string): string {
  const partition = Object.values(PARTITIONS).find(({ regions }) => regions.includes(region));
  if (partition === undefined) throw new RangeError("not a region");
  return partition.consoleHost;
}

/** Where to assume the role: in its region when one is named. */
export function stsEndpoint(arn: string, region: string | undefined): StsEndpoint {
  const { stsHost, signingRegion, domain } = partitionOf(arn);
  if (region === undefined) return { url: `https://${stsHost}/`, signingRegion };
  return { url: `https://sts.${region}.${domain}/`, signingRegion: region };
}

function partitionOf(arn: string): Partition {
  const partition = PARTITIONS[ROLE_ARN.exec(arn)?.[1] ?? ""];
  if (partition === undefined) throw new RangeError("not a role ARN");
  return partition;
}
