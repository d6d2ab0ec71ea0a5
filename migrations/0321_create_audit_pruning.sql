-- What deletes old audit events, which aurora_app itself may not, and finds the chains that have some.

create function public.prune_audit_events(p_seq bigint, p_limit integer) returns integer
  language plpgsql volatile security definer
  set search_path = ''
as $$
declare
  v_workspace text := public.current_workspace_id();
  v_deleted integer;
begin
  -- Only behind a checkpoint: what is left can still be verified from there on.
  if not exists (select from public.audit_checkpoints c where c.workspace_id = v_workspace and c.seq = p_seq) then
    return 0;
  end if;
  delete from public.audit_events e
  where e.workspace_id = v_workspace
    and e.seq in (
      select old.seq
      from public.audit_events old
      where old.workspace_id = v_workspace and old.seq <= p_seq
        -- The log of the last month is safe from whoever holds the Worker's role, whose own rule is a day stricter.
        and old.at < now() - interval '29 days'
      order by old.seq
      limit p_limit
    );
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$$;
comment on function public.prune_audit_events(bigint, integer) is
  'Deletes up to p_limit events of the current workspace up to p_seq, where a checkpoint is, that are older than 29 days.';
revoke execute on function public.prune_audit_events(bigint, integer) from public;
grant execute on function public.prune_audit_events(bigint, integer) to aurora_app;

create function public.list_audit_chains(p_older_than timestamptz, p_after text, p_limit integer)
  returns table (workspace_id text)
  language sql stable security definer
  set search_path = ''
as $$
  -- Hops from one chain to the next along the primary key, however many events each has.
  with recursive chains (name) as (
    select min(e.workspace_id) from public.audit_events e where e.workspace_id > p_after
    union all
    select (select min(e.workspace_id) from public.audit_events e where e.workspace_id > chains.name)
    from chains
    where chains.name is not null
  )
  select chains.name
  from chains
  where exists (select from public.audit_events e where e.workspace_id = chains.name and e.at < p_older_than)
  limit p_limit
$$;
comment on function public.list_audit_chains(timestamptz, text, integer) is
  'Chains behind p_after, by name, that have events older than p_older_than.';
revoke execute on function public.list_audit_chains(timestamptz, text, integer) from public;
grant execute on function public.list_audit_chains(timestamptz, text, integer) to aurora_app;
