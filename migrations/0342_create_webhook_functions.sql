-- What looks across workspaces: the sweep of missed deliveries, and the purge of old ones.

create function public.lease_due_webhooks(p_limit integer, p_lease_seconds integer)
  returns table (id text, workspace_id text)
  language sql volatile security definer
  set search_path = ''
as $$
  -- Materialized: as a subquery it could be run again, and lease more than the limit.
  with due as materialized (
    select w.id
    from public.webhooks w
    where w.due_at is not null
      and (w.is_active or w.deleted_at is not null)
      -- The sender's own alarm is given its time first.
      and w.due_at < now() - interval '30 seconds'
      and (w.sweep_leased_until is null or w.sweep_leased_until < now())
    order by w.due_at
    limit p_limit
    for update skip locked
  )
  update public.webhooks leased
  set sweep_leased_until = now() + make_interval(secs => p_lease_seconds)
  from due
  where leased.id = due.id
  returning leased.id, leased.workspace_id
$$;
comment on function public.lease_due_webhooks(integer, integer) is
  'Webhooks whose sender is 30 seconds late, longest first, leased so that no other sweep gets them for p_lease_seconds.';
revoke execute on function public.lease_due_webhooks(integer, integer) from public;
grant execute on function public.lease_due_webhooks(integer, integer) to aurora_app;

create function public.purge_webhook_deliveries(p_before timestamptz) returns integer
  language sql volatile security definer
  set search_path = ''
as $$
  -- A delivery is tried for about four days: whatever is asked for, none of the last week goes.
  with bounds as (
    select least(p_before, now() - interval '7 days') as before
  ), old as materialized (
    select d.id
    from public.webhook_deliveries d, bounds
    where d.created_at < bounds.before
    order by d.created_at
    limit 5000
    for update skip locked
  ), gone as (
    delete from public.webhook_deliveries d using old where d.id = old.id returning d.id
  ), forgotten as (
    -- What is left of its deliveries goes with it; none of them is sent any more.
    delete from public.webhooks w using bounds where w.secret_erased_at < bounds.before
  )
  select count(*)::integer from gone
$$;
comment on function public.purge_webhook_deliveries(timestamptz) is
  'Deletes deliveries made before p_before, 5,000 at most, and webhooks whose secret was erased before; answers how many deliveries: call again until 0.';
revoke execute on function public.purge_webhook_deliveries(timestamptz) from public;
grant execute on function public.purge_webhook_deliveries(timestamptz) to aurora_app;
