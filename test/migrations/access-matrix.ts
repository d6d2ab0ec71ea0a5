import { makeId } from "./database-targets.ts";

/** SQLSTATE insufficient_privilege: no grant, or a row its policies do not let in. */
export const REFUSED = "42501";

export const WORKSPACE = makeId("wsp", "a");
export const OTHER_WORKSPACE = makeId("wsp", "b");
export const SELF = makeId("usr", "1");
export const COLLEAGUE = makeId("usr", "2");
export const STRANGER = makeId("usr", "3");
const OWN_TOKEN = makeId("con", "1", "00a");
const SHARED_TOKEN = makeId("con", "1", "00b");
const SESSION = makeId("ses", "1");
const KEY = makeId("key", "1");
const KUBECTL_TOKEN = makeId("kct", "1");
const WEBHOOK = makeId("whk", "1");
const DELIVERY = makeId("msg", "1");
const HASH = "0".repeat(64);

/** Everyone a row of `SELF` may meet, in the order of the expectations below. */
export const CONTEXTS = [
  { name: "nobody", context: null },
  { name: "its own user", context: { user: SELF, workspace: WORKSPACE } },
  { name: "a colleague", context: { user: COLLEAGUE, workspace: WORKSPACE } },
  { name: "a stranger", context: { user: STRANGER, workspace: OTHER_WORKSPACE } },
  { name: "its own user in another workspace", context: { user: SELF, workspace: OTHER_WORKSPACE } },
] as const;

/** Rows met, or the refusal. One for each of CONTEXTS. */
type Expected = readonly (number | typeof REFUSED)[];

export interface MatrixRow {
  readonly table: string;
  /** What the row is, for the test's name. */
  readonly row: string;
  /** Every statement means the same row, or adds one like it (`%d` becomes three fresh digits). */
  readonly select: readonly [sql: string, expected: Expected];
  readonly insert: readonly [sql: string, expected: Expected];
  readonly update: readonly [sql: string, expected: Expected];
  readonly delete: readonly [sql: string, expected: Expected];
}

const NEVER: Expected = [REFUSED, REFUSED, REFUSED, REFUSED, REFUSED];
const OWN: Expected = [0, 1, 0, 0, 0];
const WITHIN: Expected = [0, 1, 1, 0, 0];
const ADD_OWN: Expected = [REFUSED, 1, REFUSED, REFUSED, REFUSED];
const ADD_WITHIN: Expected = [REFUSED, 1, 1, REFUSED, REFUSED];

/** Put there by the owner before the matrix is tried. */
export const SEED: readonly string[] = [
  `insert into workspaces (id, name) values ('${WORKSPACE}', 'a'), ('${OTHER_WORKSPACE}', 'b')`,
  `insert into users (id, workspace_id, email, role) values ('${SELF}', '${WORKSPACE}', 'self@a', 'viewer'),
    ('${COLLEAGUE}', '${WORKSPACE}', 'colleague@a', 'admin'), ('${STRANGER}', '${OTHER_WORKSPACE}', 'stranger@b', 'admin')`,
  `insert into sessions (id, user_id, workspace_id, expires_at)
    values ('${SESSION}', '${SELF}', '${WORKSPACE}', now() + interval '1 day')`,
  `insert into api_keys (id, workspace_id, service_name, key_hash, key_prefix, permissions, created_by)
    values ('${KEY}', '${WORKSPACE}', 's', '${HASH}', 'ak_', '{}', '${SELF}')`,
  `insert into kubectl_tokens (id, workspace_id, cluster_name, token_hash, created_by)
    values ('${KUBECTL_TOKEN}', '${WORKSPACE}', 'c', '${HASH}', '${SELF}')`,
  `insert into user_tokens (id, workspace_id, owner_id, provider, account, shared, secret_ref) values
    ('${OWN_TOKEN}', '${WORKSPACE}', '${SELF}', 'gcp', 'own', false, 'vault:kv/data/aurora/own'),
    ('${SHARED_TOKEN}', '${WORKSPACE}', '${SELF}', 'gcp', 'shared', true, 'vault:kv/data/aurora/shared')`,
  `insert into gcp_setups (connection_id, workspace_id) values ('${OWN_TOKEN}', '${WORKSPACE}'), ('${SHARED_TOKEN}', '${WORKSPACE}')`,
  `insert into audit_events (workspace_id, seq, at, action, outcome, hash, event)
    values ('${WORKSPACE}', 1, now(), 'user.login', 'ok', '${HASH}', '{}')`,
  `insert into audit_checkpoints (workspace_id, seq, hash, at, key_id, signature)
    values ('${WORKSPACE}', 1, '${HASH}', now(), '${"k".repeat(43)}', '${"s".repeat(86)}')`,
  `insert into webhooks (id, workspace_id, url, events, secret_ref, created_by)
    values ('${WEBHOOK}', '${WORKSPACE}', 'https://hooks.example.com/', '{apikey.created}', 'vault:kv/data/aurora/w', '${SELF}')`,
  `insert into webhook_deliveries (id, webhook_id, workspace_id, seq, event, payload, next_attempt_at)
    values ('${DELIVERY}', '${WEBHOOK}', '${WORKSPACE}', 1, 'apikey.created', '{}', now())`,
];

function insertToken(shared: boolean): string {
  return `insert into user_tokens (id, workspace_id, owner_id, provider, account, shared, secret_ref) values
    ('${makeId("con", "2", "%d")}', '${WORKSPACE}', '${SELF}', 'aws', '%d', ${shared}, 'vault:kv/data/aurora/%d') returning 1`;
}

/** There is one already: whom the policy lets in adds nothing, everybody else is refused before that is known. */
function insertSetup(connection: string): string {
  return `insert into gcp_setups (connection_id, workspace_id) values ('${connection}', '${WORKSPACE}')
    on conflict do nothing returning 1`;
}

/** Every table, so that one without an entry here fails a test. */
export const MATRIX: readonly MatrixRow[] = [
  {
    table: "schema_migrations",
    row: "a journal entry",
    select: ["select name from schema_migrations", NEVER],
    insert: [`insert into schema_migrations (name, checksum) values ('x%d', '${HASH}')`, NEVER],
    update: ["update schema_migrations set name = 'x'", NEVER],
    delete: ["delete from schema_migrations", NEVER],
  },
  {
    table: "workspaces",
    row: "a workspace",
    select: [`select id from workspaces where id = '${WORKSPACE}'`, WITHIN],
    insert: [`insert into workspaces (id, name) values ('${makeId("wsp", "c", "%d")}', 'c')`, NEVER],
    update: [`update workspaces set name = 'x' where id = '${WORKSPACE}'`, NEVER],
    delete: [`delete from workspaces where id = '${WORKSPACE}'`, NEVER],
  },
  {
    table: "users",
    row: "a user",
    select: [`select id from users where id = '${SELF}'`, WITHIN],
    insert: [
      `insert into users (id, workspace_id, email, role)
        values ('${makeId("usr", "4", "%d")}', '${WORKSPACE}', '%d@a', 'viewer') returning 1`,
      ADD_WITHIN,
    ],
    update: [`update users set name = 'x' where id = '${SELF}' returning id`, WITHIN],
    delete: [`delete from users where id = '${SELF}'`, NEVER],
  },
  {
    table: "sessions",
    row: "a session",
    select: [`select id from sessions where id = '${SESSION}'`, OWN],
    insert: [
      `insert into sessions (id, user_id, workspace_id, expires_at)
        values ('${makeId("ses", "2", "%d")}', '${SELF}', '${WORKSPACE}', now()) returning 1`,
      ADD_OWN,
    ],
    update: [`update sessions set ended_at = ended_at where id = '${SESSION}' returning id`, OWN],
    delete: [`delete from sessions where id = '${SESSION}'`, NEVER],
  },
  {
    table: "api_keys",
    row: "an API key",
    select: [`select id from api_keys where id = '${KEY}'`, WITHIN],
    insert: [
      `insert into api_keys (id, workspace_id, service_name, key_hash, key_prefix, permissions, created_by) values
        ('${makeId("key", "2", "%d")}', '${WORKSPACE}', 's', '${"1".repeat(61)}%d', 'ak_', '{}', '${SELF}') returning 1`,
      ADD_OWN,
    ],
    update: [`update api_keys set expires_at = null where id = '${KEY}' returning id`, WITHIN],
    delete: [`delete from api_keys where id = '${KEY}'`, NEVER],
  },
  {
    table: "kubectl_tokens",
    row: "an agent's token",
    select: [`select id from kubectl_tokens where id = '${KUBECTL_TOKEN}'`, WITHIN],
    insert: [
      `insert into kubectl_tokens (id, workspace_id, cluster_name, token_hash, created_by) values
        ('${makeId("kct", "2", "%d")}', '${WORKSPACE}', 'c', '${"1".repeat(61)}%d', '${SELF}') returning 1`,
      ADD_OWN,
    ],
    update: [`update kubectl_tokens set revoked_at = null where id = '${KUBECTL_TOKEN}' returning id`, WITHIN],
    delete: [`delete from kubectl_tokens where id = '${KUBECTL_TOKEN}'`, NEVER],
  },
  {
    table: "user_tokens",
    row: "a private connection",
    select: [`select id from user_tokens where id = '${OWN_TOKEN}'`, OWN],
    insert: [insertToken(false), ADD_OWN],
    update: [`update user_tokens set label = 'x' where id = '${OWN_TOKEN}' returning id`, OWN],
    delete: [`delete from user_tokens where id = '${OWN_TOKEN}'`, NEVER],
  },
  {
    table: "user_tokens",
    row: "a shared connection",
    select: [`select id from user_tokens where id = '${SHARED_TOKEN}'`, WITHIN],
    insert: [insertToken(true), ADD_OWN],
    update: [`update user_tokens set label = 'x' where id = '${SHARED_TOKEN}' returning id`, OWN],
    delete: [`delete from user_tokens where id = '${SHARED_TOKEN}'`, NEVER],
  },
  {
    table: "gcp_setups",
    row: "the set-up of a private connection",
    select: [`select step from gcp_setups where connection_id = '${OWN_TOKEN}'`, OWN],
    insert: [insertSetup(OWN_TOKEN), [REFUSED, 0, REFUSED, REFUSED, REFUSED]],
    update: [`update gcp_setups set step = 2 where connection_id = '${OWN_TOKEN}' returning step`, OWN],
    delete: [`delete from gcp_setups where connection_id = '${OWN_TOKEN}'`, NEVER],
  },
  {
    table: "gcp_setups",
    row: "the set-up of a shared connection",
    select: [`select step from gcp_setups where connection_id = '${SHARED_TOKEN}'`, WITHIN],
    insert: [insertSetup(SHARED_TOKEN), [REFUSED, 0, REFUSED, REFUSED, REFUSED]],
    update: [`update gcp_setups set step = 2 where connection_id = '${SHARED_TOKEN}' returning step`, OWN],
    delete: [`delete from gcp_setups where connection_id = '${SHARED_TOKEN}'`, NEVER],
  },
  {
    table: "retention_ledger",
    row: "a purge that was not told yet",
    select: ["select kind from retention_ledger", NEVER],
    insert: [`insert into retention_ledger (kind) values ('x')`, NEVER],
    update: ["update retention_ledger set kind = 'x'", NEVER],
    delete: ["delete from retention_ledger", NEVER],
  },
  {
    table: "audit_events",
    row: "an audit event",
    select: [`select seq from audit_events where workspace_id = '${WORKSPACE}' and seq = 1`, WITHIN],
    insert: [
      `insert into audit_events (workspace_id, seq, at, action, outcome, hash, event)
        values ('${WORKSPACE}', 1%d, now(), 'user.login', 'ok', '${HASH}', '{}') returning 1`,
      ADD_WITHIN,
    ],
    update: ["update audit_events set action = 'x'", NEVER],
    delete: ["delete from audit_events", NEVER],
  },
  {
    table: "audit_checkpoints",
    row: "a checkpoint",
    select: [`select seq from audit_checkpoints where workspace_id = '${WORKSPACE}' and seq = 1`, WITHIN],
    insert: [
      `insert into audit_checkpoints (workspace_id, seq, hash, at, key_id, signature)
        values ('${WORKSPACE}', 1%d, '${HASH}', now(), '${"k".repeat(43)}', '${"s".repeat(86)}') returning 1`,
      ADD_WITHIN,
    ],
    update: ["update audit_checkpoints set signature = 'x'", NEVER],
    delete: ["delete from audit_checkpoints", NEVER],
  },
  {
    table: "webhooks",
    row: "a webhook",
    select: [`select id from webhooks where id = '${WEBHOOK}'`, WITHIN],
    insert: [
      `insert into webhooks (id, workspace_id, url, events, secret_ref, created_by) values
        ('${makeId("whk", "2", "%d")}', '${WORKSPACE}', 'https://a.example/', '{apikey.*}', 'vault:kv/data/aurora/w%d', '${SELF}')
        returning 1`,
      ADD_OWN,
    ],
    update: [`update webhooks set failing_since = null where id = '${WEBHOOK}' returning id`, WITHIN],
    delete: [`delete from webhooks where id = '${WEBHOOK}'`, NEVER],
  },
  {
    table: "webhook_deliveries",
    row: "a delivery",
    select: [`select id from webhook_deliveries where id = '${DELIVERY}'`, WITHIN],
    insert: [
      `insert into webhook_deliveries (id, webhook_id, workspace_id, seq, event, payload, next_attempt_at) values
        ('${makeId("msg", "2", "%d")}', '${WEBHOOK}', '${WORKSPACE}', 1%d, 'apikey.created', '{}', now()) returning 1`,
      ADD_WITHIN,
    ],
    update: [`update webhook_deliveries set attempts = 1 where id = '${DELIVERY}' returning id`, WITHIN],
    delete: [`delete from webhook_deliveries where id = '${DELIVERY}'`, NEVER],
  },
];
