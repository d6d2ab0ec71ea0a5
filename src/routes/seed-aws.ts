import { z } from "@hono/zod-openapi";
import { ROLE_TYPES } from "../domain/aws-role-template.ts";
import { readAwsLinks, requireOwnWorkspace } from "../services/aws-links.ts";
import { readQuickCreate, readRoleTemplate } from "../services/aws-stack.ts";
import { connectAwsAccounts } from "../services/connect-aws-accounts.ts";
import { connectAccount } from "../services/connections/connect-account.ts";
import { callerOf } from "./caller.ts";
import { createRouter, defineRoute, jsonBody, jsonContent } from "./router.ts";
import { BlankableText } from "./schemas.ts";

/** As many as the seed takes in one call. */
const MAX_ACCOUNTS = 50;
const DEFAULT_REGION = "us-east-1";
const params = z.object({ id: z.string() });
const roleType = z.enum(ROLE_TYPES).default("ReadOnly");
const text = z.string().max(2048);

const links = defineRoute({
  method: "get",
  path: "/workspaces/{id}/aws/links",
  summary: "The workspace's external id, and the role that was connected",
  access: "connections:read",
  request: { params },
  responses: {
    200: {
      description: "The links",
      content: jsonContent(
        z
          .object({
            workspaceId: z.string(),
            externalId: z.string(),
            status: z.enum(["not_started", "fully_configured"]),
            auroraAccountId: z.string().optional(),
            roleArn: z.string().optional(),
          })
          .openapi("AwsLinks"),
      ),
    },
  },
});

const role = defineRoute({
  method: "post",
  path: "/workspaces/{id}/aws/role",
  summary: "Connect the role a customer made (the seed's path)",
  access: "connections:write",
  limit: "connect",
  request: {
    params,
    body: jsonBody(z.strictObject({ roleArn: z.string(), readOnlyRoleArn: BlankableText }).openapi("AwsRole")),
  },
  responses: { 200: { description: "Connected", content: jsonContent(z.object({ ok: z.literal(true) })) } },
});

const template = defineRoute({
  method: "get",
  path: "/workspaces/{id}/aws/cfn-template",
  summary: "The CloudFormation template that makes the role, as YAML or in JSON",
  access: "connections:read",
  request: { params, query: z.object({ format: z.enum(["yaml", "json"]).default("yaml"), roleType }) },
  responses: {
    200: {
      description: "The template",
      content: {
        "application/yaml": { schema: z.string() },
        ...jsonContent(
          z
            .object({ template: z.string(), auroraAccountId: z.string(), externalId: z.string() })
            .openapi("AwsRoleTemplate"),
        ),
      },
    },
  },
});

const quickCreate = defineRoute({
  method: "get",
  path: "/workspaces/{id}/aws/cfn-quickcreate",
  summary: "The console page that creates the role, and the command for a whole organisation",
  access: "connections:read",
  request: {
    params,
    query: z.object({ region: z.string().default(DEFAULT_REGION), templateUrl: text.optional(), roleType }),
  },
  responses: {
    200: {
      description: "The ways",
      content: jsonContent(
        z
          .object({
            quickCreateUrl: z.string(),
            auroraAccountId: z.string(),
            externalId: z.string(),
            region: z.string(),
            templateUrl: z.string().nullable(),
            stackSetsCommand: z.string(),
            note: z.string(),
          })
          .openapi("AwsQuickCreate"),
      ),
    },
  },
});

const bulk = defineRoute({
  method: "post",
  path: "/workspaces/{id}/aws/accounts/bulk",
  summary: "Connect roles in several accounts, each judged alone",
  access: "connections:write",
  limit: "connect",
  request: {
    params,
    body: jsonBody(
      z
        .strictObject({
          accounts: z
            .array(z.strictObject({ accountId: text, roleArn: text, region: text.optional() }))
            .min(1)
            .max(MAX_ACCOUNTS),
        })
        .openapi("AwsAccounts"),
    ),
  },
  responses: {
    200: {
      description: "What became of each",
      content: jsonContent(
        z
          .object({
            results: z.array(z.object({ accountId: z.string(), success: z.boolean(), error: z.string().optional() })),
            succeeded: z.int(),
            failed: z.int(),
          })
          .openapi("AwsAccountResults"),
      ),
    },
  },
});

/** The seed's own paths for AWS. */
export const seedAwsRoutes = createRouter()
  .openapi(links, async (c) => {
    const found = await readAwsLinks(c.var.deps, c.var.principal, c.req.valid("param").id);
    const { workspaceId, externalId, status, auroraAccountId, roleArn } = found;
    const optional = {
      ...(auroraAccountId !== null && { auroraAccountId }),
      ...(roleArn !== null && { roleArn }),
    };
    return c.json({ workspaceId, externalId, status, ...optional }, 200);
  })
  .openapi(role, async (c) => {
    requireOwnWorkspace(c.var.principal, c.req.valid("param").id);
    const { roleArn, readOnlyRoleArn } = c.req.valid("json");
    const given = { role_arn: roleArn, ...(readOnlyRoleArn !== undefined && { read_only_role_arn: readOnlyRoleArn }) };
    await connectAccount(c.var.deps, callerOf(c), "aws", given);
    return c.json({ ok: true as const }, 200);
  })
  .openapi(template, async (c) => {
    const { format, roleType } = c.req.valid("query");
    const found = await readRoleTemplate(c.var.deps, c.var.principal, c.req.valid("param").id, roleType);
    const { template, accountId: auroraAccountId, externalId } = found;
    if (format === "json") return c.json({ template, auroraAccountId, externalId }, 200);
    return c.body(template, 200, { "content-type": "application/yaml; charset=utf-8" });
  })
  .openapi(quickCreate, async (c) => {
    const { region, templateUrl: rawTemplateUrl = null, roleType } = c.req.valid("query");
    const request = { region, rawTemplateUrl, roleType };
    const found = await readQuickCreate(c.var.deps, c.var.principal, c.req.valid("param").id, request);
    const { quickCreateUrl, accountId: auroraAccountId, externalId, templateUrl, stackSetsCommand, note } = found;
    return c.json({ quickCreateUrl, auroraAccountId, externalId, region, templateUrl, stackSetsCommand, note }, 200);
  })
  .openapi(bulk, async (c) => {
    const accounts = c.req.valid("json").accounts.map((account) => ({ ...account, region: account.region ?? null }));
    const found = await connectAwsAccounts(c.var.deps, callerOf(c), c.req.valid("param").id, accounts);
    const results = found.map(({ accountId, error }) => ({
      accountId,
      success: error === null,
      ...(error !== null && { error }),
    }));
    const succeeded = results.filter(({ success }) => success).length;
    return c.json({ results, succeeded, failed: results.length - succeeded }, 200);
  });
