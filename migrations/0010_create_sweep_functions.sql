-- What looks across workspaces: the sweep of missed refreshes, and whether a grant is held elsewhere.

create function public.list_due_connections(p_limit integer, p_lease_seconds integer)
  returns table (id text, workspace_id text, owner_id text, provider text, secret_ref text)
  language sql volatile security definer
  set search_path = ''
as $$
  -- Materialized: as a subquery it could be run again, and lease more than the limit.
  with due as materialized (
    select t.id
    from public.user_tokens t
    where t.is_active
      and t.status in ('active', 'degraded')
      -- The keeper's own alarm is given its time first.
      and t.refresh_due_at < now() - interval '30 seconds'
      and (t.sweep_leased_until is null or t.sweep_leased_until < now())
    order by t.refresh_due_at
    limit p_limit
    for update skip locked
  )
  update public.user_tokens leased
  set sweep_leased_until = now() + make_interval(secs => p_lease_seconds)
  from due
  where leased.id = due.id
  returning leased.id, leased.workspace_id, leased.owner_id, leased.provider, leased.secret_ref
$$;
comment on function public.list_due_connections(integer, integer) is
  'Connections whose refresh is 30 seconds late, longest first, leased so that no other sweep gets them for p_lease_seconds.';
revoke execute on function public.list_due_connections(integer, integer) from public;
grant execute on function public.list_due_connections(integer, integer) to aurora_app;

create function public.has_other_live_grant(p_provider text, p_upstream_account text, p_except_id text) returns boolean
  language sql stable security definer
  set search_path = ''
as $$
  select exists (
    select
    from public.user_tokens t
    where t.is_active
      and t.provider = p_provider
      and t.upstream_account = p_upstream_account::bpchar
      and t.id <> p_except_id
  )
$$;
comment on function public.has_other_live_grant(text, text, text) is
  'Whether another live connection, in any workspace, holds a grant of the same account: revoking would break it.';
revoke execute on function public.has_other_live_grant(text, text, text) from public;
grant execute on function public.has_other_live_grant(text, text, text) to aurora_app;
