-- A session or a delivery that two runs are deleting at once is told by the one that did.

create or replace function public.purge_retired(p_kind text, p_limit integer) returns integer
  language plpgsql volatile security definer
  set search_path = ''
as $$
declare
  v_ids text[];
begin
  if p_kind not in ('sessions', 'users', 'api_keys', 'kubectl_tokens', 'webhook_deliveries', 'webhooks') then
    raise exception 'rows of this kind are not purged by themselves' using errcode = 'invalid_parameter_value';
  end if;
  -- What another run is purging is its own; nobody waits.
  execute format(
    'select array(
       select t.id from public.list_retired() r join public.%I t on t.id = r.id
       where r.kind = $1 order by r.since, t.id limit $2 for update of t skip locked)', p_kind)
    into v_ids using p_kind, p_limit;
  -- Asked again now that the rows are ours: one that changed in between, such as a person who is back, stays.
  v_ids := array(select r.id from public.list_retired() r where r.kind = p_kind and r.id = any (v_ids));
  perform public.write_retention_ledger(p_kind, v_ids);
  -- What hangs on them goes along, and is told as well: what was deleted here, not what another run is deleting now.
  if p_kind = 'users' then
    with gone as (
      delete from public.sessions s where s.user_id = any (v_ids) returning s.id, s.workspace_id
    )
    insert into public.retention_ledger (workspace_id, kind, count, ids, older_than)
    select g.workspace_id, 'sessions', count(*), (array_agg(g.id order by g.id))[:20], public.retention_bound('sessions')
    from gone g group by g.workspace_id;
  elsif p_kind = 'webhooks' then
    with gone as (
      delete from public.webhook_deliveries d where d.webhook_id = any (v_ids) returning d.id, d.workspace_id
    )
    insert into public.retention_ledger (workspace_id, kind, count, ids, older_than)
    select g.workspace_id, 'webhook_deliveries', count(*), (array_agg(g.id order by g.id))[:20],
      public.retention_bound('webhook_deliveries')
    from gone g group by g.workspace_id;
  end if;
  execute format('delete from public.%I t where t.id = any ($1)', p_kind) using v_ids;
  return cardinality(v_ids);
end
$$;
