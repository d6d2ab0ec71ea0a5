-- Deliveries of webhooks, webhooks whose secret is gone, and audit events join what is purged and told.

create function public.stamp_erasure() returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  new.secret_erased_at := now();
  return new;
end
$$;
comment on function public.stamp_erasure() is 'Lets the Worker say that a secret is erased now, never in the past.';
create trigger stamp_erasure
  before update on public.webhooks
  for each row
  when (
    current_user = 'aurora_app'
    and new.secret_erased_at is not null
    and new.secret_erased_at is distinct from old.secret_erased_at
  )
  execute function public.stamp_erasure();

-- An event has no id.
alter table public.retention_ledger drop constraint retention_ledger_ids_check;
alter table public.retention_ledger add constraint retention_ledger_ids_check
  check (cardinality(ids) <= 20 and (cardinality(ids) > 0) = (kind <> 'audit_events'));
comment on column public.retention_ledger.ids is 'What was purged, the first 20; nothing of audit events.';

create or replace function public.retention_bound(p_kind text) returns timestamptz
  language sql stable
  -- Without a SET clause the planner can inline it, so that the indexes are used.
  return now() - case
    when p_kind = 'sessions' then interval '1 day'
    when p_kind in ('connections', 'users', 'api_keys', 'kubectl_tokens', 'webhook_deliveries', 'webhooks')
      then interval '30 days'
  end;

create or replace function public.list_retired()
  returns table (kind text, workspace_id text, id text, since timestamptz)
  language sql stable
as $$
  select 'connections', t.workspace_id, t.id, t.deleted_at
  from public.user_tokens t
  where not t.is_active and t.deleted_at < public.retention_bound('connections')
  union all
  select 'sessions', s.workspace_id, s.id, least(s.ended_at, s.expires_at)
  from public.sessions s
  where least(s.ended_at, s.expires_at) < public.retention_bound('sessions')
  union all
  -- Who still owns a live connection was not released whole: an admin can finish it only while the row is there.
  select 'users', u.workspace_id, u.id, u.deactivated_at
  from public.users u
  where not u.is_active and u.deactivated_at < public.retention_bound('users')
    and not exists (select from public.user_tokens t where t.owner_id = u.id and t.is_active)
  union all
  select 'api_keys', k.workspace_id, k.id, least(k.revoked_at, k.expires_at)
  from public.api_keys k
  where least(k.revoked_at, k.expires_at) < public.retention_bound('api_keys')
    -- Through the last key of a principal an admin can still release what it connected.
    and (
      not exists (
        select from public.user_tokens t where t.owner_id = coalesce(k.principal_id, k.id) and t.is_active
      )
      or exists (
        select from public.api_keys live
        where coalesce(live.principal_id, live.id) = coalesce(k.principal_id, k.id)
          and live.revoked_at is null and (live.expires_at is null or live.expires_at > now())
      )
    )
  union all
  select 'kubectl_tokens', k.workspace_id, k.id, least(k.revoked_at, k.expires_at)
  from public.kubectl_tokens k
  where least(k.revoked_at, k.expires_at) < public.retention_bound('kubectl_tokens')
  union all
  -- Not what may still be sent: an old one that was replayed is tried for four days, one of a paused webhook is not.
  select 'webhook_deliveries', d.workspace_id, d.id, d.created_at
  from public.webhook_deliveries d
  where d.created_at < public.retention_bound('webhook_deliveries')
    and (d.next_attempt_at is null or d.next_attempt_at < now() - interval '7 days')
  union all
  select 'webhooks', w.workspace_id, w.id, w.secret_erased_at
  from public.webhooks w
  where w.secret_erased_at < public.retention_bound('webhooks')
$$;

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
  -- What hangs on them goes along, and is told as well.
  if p_kind = 'users' then
    insert into public.retention_ledger (workspace_id, kind, count, ids, older_than)
    select s.workspace_id, 'sessions', count(*), (array_agg(s.id order by s.id))[:20], public.retention_bound('sessions')
    from public.sessions s where s.user_id = any (v_ids) group by s.workspace_id;
    delete from public.sessions s where s.user_id = any (v_ids);
  elsif p_kind = 'webhooks' then
    insert into public.retention_ledger (workspace_id, kind, count, ids, older_than)
    select d.workspace_id, 'webhook_deliveries', count(*), (array_agg(d.id order by d.id))[:20],
      public.retention_bound('webhook_deliveries')
    from public.webhook_deliveries d where d.webhook_id = any (v_ids) group by d.workspace_id;
    delete from public.webhook_deliveries d where d.webhook_id = any (v_ids);
  end if;
  execute format('delete from public.%I t where t.id = any ($1)', p_kind) using v_ids;
  return cardinality(v_ids);
end
$$;

-- Deliveries and webhooks go by purge_retired alone, which takes no time from the Worker and leaves a note; plan_retention
-- names the chains that have something to prune.
drop function public.purge_webhook_deliveries(timestamptz);
drop function public.list_audit_chains(timestamptz, text, integer);

drop function public.plan_retention();
create function public.plan_retention(p_audit_days integer)
  returns table (kind text, workspace_id text, count bigint, oldest timestamptz, older_than timestamptz)
  language sql stable security definer
  set search_path = ''
as $$
  select r.kind, r.workspace_id, count(*), min(r.since), public.retention_bound(r.kind)
  from public.list_retired() r
  group by r.kind, r.workspace_id
  union all
  select 'audit_events', chain.id, old.count, old.oldest, bound.older_than
  from (select w.id from public.workspaces w union all select 'wsp_unauthenticated') as chain (id)
  -- prune_audit_events keeps 29 days whatever it is asked for, and the Worker a day more.
  cross join (select now() - make_interval(days => greatest(p_audit_days, 30))) as bound (older_than)
  cross join lateral (
    select count(*), min(e.at)
    from public.audit_events e
    where e.workspace_id = chain.id and e.at < bound.older_than
  ) as old (count, oldest)
  where old.count > 0
  order by 1, 2
$$;
comment on function public.plan_retention(integer) is
  'How much of each kind may be purged now, by workspace, audit events older than p_audit_days (30 at least) included.';
revoke execute on function public.plan_retention(integer) from public;
grant execute on function public.plan_retention(integer) to aurora_app;

create or replace function public.prune_audit_events(p_seq bigint, p_limit integer) returns integer
  language plpgsql volatile security definer
  set search_path = ''
as $$
declare
  v_workspace text := public.current_workspace_id();
  v_deleted integer;
  v_newest timestamptz;
begin
  -- Only behind a checkpoint: what is left can still be verified from there on.
  if not exists (select from public.audit_checkpoints c where c.workspace_id = v_workspace and c.seq = p_seq) then
    return 0;
  end if;
  -- Materialized: as a subquery it could be run again, and lock more than the limit.
  with old as materialized (
    select e.seq
    from public.audit_events e
    where e.workspace_id = v_workspace and e.seq <= p_seq
      -- The log of the last month is safe from whoever holds the Worker's role, whose own rule is a day stricter.
      and e.at < now() - interval '29 days'
    order by e.seq
    limit p_limit
    -- Fewer than p_limit then means that none is left, also when another run is deleting them.
    for update
  ), gone as (
    delete from public.audit_events e using old where e.workspace_id = v_workspace and e.seq = old.seq returning e.at
  )
  select count(*), max(gone.at) into v_deleted, v_newest from gone;
  if v_deleted > 0 then
    insert into public.retention_ledger (workspace_id, kind, count, ids, older_than)
    values (v_workspace, 'audit_events', v_deleted, '{}', v_newest + interval '1 second');
  end if;
  return v_deleted;
end
$$;
comment on function public.prune_audit_events(bigint, integer) is
  'Deletes up to p_limit events of the current workspace up to p_seq, where a checkpoint is, that are older than 29 days, with a ledger entry.';
