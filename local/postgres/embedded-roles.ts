import type { PGlite } from "@electric-sql/pglite";

/** Opens the one connection. No connection string can name it. */
export const SUPERUSER = "postgres";
/** Creates roles and owns the database, without being a superuser: what a hosted Postgres gives its customer. */
export const ADMIN = "aurora_admin";
export const OWNER = "aurora_owner";
export const APP = "aurora_app";

/**
 * Prepares a data directory so that no role can climb back to the superuser. Safe to run at every start.
 *
 * `set_config` is part of every request, and its built-in form would take `session_authorization` under a name put
 * together at run time. It is renamed and kept for the superuser; one that refuses that setting takes its place. (The
 * built-in cannot be replaced where it stands: Postgres calls built-ins by number.) The right to make temporary objects
 * goes too: a temporary function could run any text.
 */
export async function prepareRoles(database: PGlite): Promise<void> {
  const { rows } = await database.query(`select 1 from pg_roles where rolname = '${ADMIN}'`);
  if (rows.length > 0) return;
  await database.exec(`
    begin;
    create role ${ADMIN} login createrole createdb;
    alter database postgres owner to ${ADMIN};
    revoke temporary on database postgres from public;
    alter function pg_catalog.set_config(text, text, boolean) rename to set_any_config;
    revoke execute on function pg_catalog.set_any_config(text, text, boolean) from public;
    ${GUARDED_SET_CONFIG};
    commit;
  `);
}

const GUARDED_SET_CONFIG = `
create function pg_catalog.set_config(setting_name text, new_value text, is_local boolean)
  returns text
  language plpgsql
  volatile
as $function$
begin
  if lower(setting_name) = 'session_authorization' then
    raise insufficient_privilege using message = 'permission denied to set session authorization';
  end if;
  execute format(
    'set %s %s to %s',
    case when is_local then 'local' else 'session' end,
    (select string_agg(quote_ident(part), '.') from unnest(string_to_array(setting_name, '.')) part),
    coalesce(quote_literal(new_value), 'default')
  );
  return current_setting(setting_name, true);
end
$function$`;
