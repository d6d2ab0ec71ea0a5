import type { Database, Statement } from "./database.ts";

export interface RolePasswords {
  /** Of `aurora_app`, which the Worker logs in as. */
  readonly appPassword: string;
  /** Lets `aurora_owner` log in as well, for tools that tamper; absent, it cannot. */
  readonly ownerPassword?: string | undefined;
}

/** Any number that nothing else locks: two runners take turns, since roles cannot be changed by two at once. */
const LOCK_KEY = "7265914483";

const CREATE_ROLES = `do $$
begin
  if not exists (select from pg_roles where rolname = 'aurora_owner') then
    create role aurora_owner nologin;
  end if;
  if not exists (select from pg_roles where rolname = 'aurora_app') then
    create role aurora_app login;
  end if;
end $$`;

/** Since version 16 whoever creates a role may hand it on, and yet not become it; before, membership is all there is. */
const JOIN_OWNER = `do $$
begin
  if current_setting('server_version_num')::integer >= 160000 then
    execute 'grant aurora_owner to current_user with set true, inherit false';
  else
    execute 'grant aurora_owner to current_user';
  end if;
end $$`;

/** A temporary function or table of the Worker's role has no use, and could shadow what it calls. */
const REVOKE_TEMPORARY = `do $$
begin
  execute format('revoke temporary on database %I from public', current_database());
end $$`;

/** Its own table is held to the same rules as every other; nothing is granted to the Worker. */
const CREATE_JOURNAL = `do $$
begin
  if to_regclass('public.schema_migrations') is null then
    create table public.schema_migrations (
      name text primary key,
      checksum char(64) not null,
      applied_at timestamptz not null default now()
    );
    alter table public.schema_migrations enable row level security;
    alter table public.schema_migrations force row level security;
    create policy all_owner on public.schema_migrations to aurora_owner using (true) with check (true);
    comment on table public.schema_migrations is 'Which files of migrations/ were applied here.';
  end if;
end $$`;

/** Makes everything that follows in the transaction belong to the owner. */
export const BECOME_OWNER: Statement = { text: "set local role aurora_owner" };

/**
 * Creates the two roles and the journal of migrations where they are not there yet. Safe to run twice and by two.
 *
 * @throws Error in one sentence when `aurora_app` could get round row-level security.
 */
export async function ensureRoles(database: Database, passwords: RolePasswords): Promise<void> {
  const statements = [
    `select pg_advisory_xact_lock(${LOCK_KEY})`,
    CREATE_ROLES,
    `alter role aurora_app login password ${quoteText(passwords.appPassword)}`,
    ...(passwords.ownerPassword === undefined
      ? []
      : [`alter role aurora_owner login password ${quoteText(passwords.ownerPassword)}`]),
    JOIN_OWNER,
    "revoke create on schema public from public",
    "grant usage, create on schema public to aurora_owner",
    "grant usage on schema public to aurora_app",
    REVOKE_TEMPORARY,
    BECOME_OWNER.text,
    CREATE_JOURNAL,
    FIND_EXCESS,
  ];
  const results = await database.query(statements.map((text) => ({ text })));
  if ((results.at(-1)?.length ?? 0) > 0) {
    throw new Error("The role aurora_app may get round row-level security: drop it, and let this create it.");
  }
}

/** A role made in a hosted Postgres's console may come with rights no SQL gave it. */
const FIND_EXCESS = `select 1
  from pg_roles
  where rolname = 'aurora_app'
    and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication
      or exists (select from pg_auth_members where member = pg_roles.oid))`;

/** Role commands take no parameters. Backslashes are plain in a standard string, quotes are doubled. */
function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
