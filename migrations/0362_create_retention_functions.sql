-- What is purged, and only once it is old enough: the ages are in here, out of the Worker's reach.

create function public.retention_bound(p_kind text) returns timestamptz
  language sql stable
  -- Without a SET clause the planner can inline it, so that the indexes are used.
  return now() - case
    when p_kind = 'sessions' then interval '1 day'
    when p_kind in ('connections', 'users', 'api_keys', 'kubectl_tokens') then interval '30 days'
  end;
comment on function public.retention_bound(text) is 'What ended before this may be purged; null for an unknown kind, which is before nothing.';
revoke execute on function public.retention_bound(text) from public;

create function public.list_retired()
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
$$;
comment on function public.list_retired() is 'Every row that may be purged now: the one definition, for the plan and for the purge. The owner''s alone.';
revoke execute on function public.list_retired() from public;

create function public.plan_retention()
  returns table (kind text, workspace_id text, count bigint, oldest timestamptz, older_than timestamptz)
  language sql stable security definer
  set search_path = ''
as $$
  select r.kind, r.workspace_id, count(*), min(r.since), public.retention_bound(r.kind)
  from public.list_retired() r
  group by r.kind, r.workspace_id
  order by r.kind, r.workspace_id
$$;
comment on function public.plan_retention() is 'How much of each kind may be purged now, by workspace; nothing about single rows.';
revoke execute on function public.plan_retention() from public;
grant execute on function public.plan_retention() to aurora_app;

create function public.write_retention_ledger(p_kind text, p_ids text[]) returns void
  language sql volatile
as $$
  insert into public.retention_ledger (workspace_id, kind, count, ids, older_than)
  select r.workspace_id, r.kind, count(*), (array_agg(r.id order by r.id))[:20], public.retention_bound(r.kind)
  from public.list_retired() r
  where r.kind = p_kind and r.id = any (p_ids)
  group by r.workspace_id, r.kind
$$;
comment on function public.write_retention_ledger(text, text[]) is 'Notes what is about to be purged. The owner''s alone.';
revoke execute on function public.write_retention_ledger(text, text[]) from public;

create function public.purge_retired(p_kind text, p_limit integer) returns integer
  language plpgsql volatile security definer
  set search_path = ''
as $$
declare
  v_ids text[];
begin
  if p_kind not in ('sessions', 'users', 'api_keys', 'kubectl_tokens') then
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
  if p_kind = 'users' then
    insert into public.retention_ledger (workspace_id, kind, count, ids, older_than)
    select s.workspace_id, 'sessions', count(*), (array_agg(s.id order by s.id))[:20], public.retention_bound('sessions')
    from public.sessions s where s.user_id = any (v_ids) group by s.workspace_id;
    delete from public.sessions s where s.user_id = any (v_ids);
  end if;
  execute format('delete from public.%I t where t.id = any ($1)', p_kind) using v_ids;
  return cardinality(v_ids);
end
$$;
comment on function public.purge_retired(text, integer) is
  'Deletes up to p_limit rows of a kind that may be purged, longest over first, with a ledger entry; answers how many.';
revoke execute on function public.purge_retired(text, integer) from public;
grant execute on function public.purge_retired(text, integer) to aurora_app;

create function public.lease_retired_connections(p_limit integer, p_lease_seconds integer)
  returns table (id text, workspace_id text, owner_id text, provider text, secret_ref text)
  language sql volatile security definer
  set search_path = ''
as $$
  -- Materialized: as a subquery it could be run again, and lease more than the limit.
  with retired as materialized (
    select t.id
    from public.list_retired() r
    join public.user_tokens t on t.id = r.id
    where r.kind = 'connections' and (t.sweep_leased_until is null or t.sweep_leased_until < now())
    order by r.since, t.id
    limit p_limit
    for update of t skip locked
  )
  update public.user_tokens leased
  set sweep_leased_until = now() + make_interval(secs => p_lease_seconds)
  from retired
  where leased.id = retired.id
  returning leased.id, leased.workspace_id, leased.owner_id, leased.provider, leased.secret_ref
$$;
comment on function public.lease_retired_connections(integer, integer) is
  'Soft-deleted connections that may be purged, longest gone first, leased so that no other run gets them for p_lease_seconds.';
revoke execute on function public.lease_retired_connections(integer, integer) from public;
grant execute on function public.lease_retired_connections(integer, integer) to aurora_app;

create function public.purge_connections(p_ids text[]) returns integer
  language plpgsql volatile security definer
  set search_path = ''
as $$
declare
  v_ids text[];
begin
  v_ids := array(select t.id from public.user_tokens t where t.id = any (p_ids) for update skip locked);
  v_ids := array(select r.id from public.list_retired() r where r.kind = 'connections' and r.id = any (v_ids));
  perform public.write_retention_ledger('connections', v_ids);
  delete from public.user_tokens t where t.id = any (v_ids);
  return cardinality(v_ids);
end
$$;
comment on function public.purge_connections(text[]) is
  'Deletes those of the connections that may be purged, with a ledger entry; answers how many. Their secrets must be gone.';
revoke execute on function public.purge_connections(text[]) from public;
grant execute on function public.purge_connections(text[]) to aurora_app;

create function public.take_purges(p_limit integer, p_lease_seconds integer)
  returns table (workspace_id text, kind text, count bigint, ids text[], older_than timestamptz, entries text[])
  language sql volatile security definer
  set search_path = ''
as $$
  with chosen as materialized (
    select distinct l.workspace_id, l.kind
    from public.retention_ledger l
    where l.leased_until is null or l.leased_until < now()
    order by l.workspace_id, l.kind
    limit p_limit
  ),
  free as materialized (
    select l.id
    from public.retention_ledger l
    join chosen c on c.workspace_id = l.workspace_id and c.kind = l.kind
    where l.leased_until is null or l.leased_until < now()
    for update of l skip locked
  ),
  taken as (
    update public.retention_ledger l
    set leased_until = now() + make_interval(secs => p_lease_seconds)
    from free
    where l.id = free.id
    returning l.*
  )
  select t.workspace_id, t.kind, sum(t.count)::bigint,
    (select array_agg(named.id order by named.id) from taken other, unnest(other.ids) as named (id)
      where other.workspace_id = t.workspace_id and other.kind = t.kind),
    max(t.older_than), array_agg(t.id::text)
  from taken t
  group by t.workspace_id, t.kind
$$;
comment on function public.take_purges(integer, integer) is
  'Purges to be told, added up by workspace and kind, leased so that no other run tells them for p_lease_seconds.';
revoke execute on function public.take_purges(integer, integer) from public;
grant execute on function public.take_purges(integer, integer) to aurora_app;

create function public.forget_purges(p_entries text[]) returns void
  language sql volatile security definer
  set search_path = ''
as $$
  delete from public.retention_ledger l where l.id = any (p_entries::bigint[]) and l.leased_until is not null
$$;
comment on function public.forget_purges(text[]) is 'Drops ledger entries that were told.';
revoke execute on function public.forget_purges(text[]) from public;
grant execute on function public.forget_purges(text[]) to aurora_app;

create function public.list_unknown_secrets(p_secret_refs text[]) returns setof text
  language sql stable security definer
  set search_path = ''
as $$
  select given.secret_ref
  from unnest(p_secret_refs) as given (secret_ref)
  where not exists (select from public.user_tokens t where t.secret_ref = given.secret_ref)
$$;
comment on function public.list_unknown_secrets(text[]) is
  'Those of the references that no connection holds, live or soft-deleted.';
revoke execute on function public.list_unknown_secrets(text[]) from public;
grant execute on function public.list_unknown_secrets(text[]) to aurora_app;
